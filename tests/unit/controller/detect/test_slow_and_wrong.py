"""What is expected is learned from the fleet: who is an outlier, who is common to slow pairs, who computes wrongly."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.config import Timing
from controller.detect import silent_corruption, slow_node
from controller.detect._fleet import outliers, slow_in_pairs
from controller.facts import Cluster, Measured, NodeFacts
from wire.api import Health, NodePhase

AT = datetime(2026, 1, 1, tzinfo=UTC)


def figure(node, value, name="gemm_float32", component="cpu", unit="TFLOP/s", kind="H200", **fields):
    return Measured(node, name, component, kind, value, unit, fields.pop("ok", True), False, "", AT, fresh=True)


def of_fleet(*values, **fields):
    return [figure(f"n{index}", value, **fields) for index, value in enumerate(values, 1)]


def pair(one, other, value):
    return [figure(a, value, "all_reduce", b, "GB/s", "nccl") for a, b in ((one, other), (other, one))]


def cluster(measured):
    names = {each.node for each in measured}
    nodes = {name: NodeFacts(name, NodePhase.READY, Health.HEALTHY, True, 0.0, "b", 1, None) for name in names}
    return Cluster(0.0, AT, nodes, (), tuple(measured))


@pytest.mark.parametrize(
    ("measured", "named"),
    [
        (of_fleet(10, 10.1, 9.9, 10, 5), ["n5"]),
        (of_fleet(10, 10.1, 9.9, 10, 8.5), []),  # a sixth below: not a fifth
        (of_fleet(10, 10, 10, 5), []),  # four nodes say too little
        (of_fleet(10, 14, 7, 12, 6), []),  # a figure that varies by itself
        (of_fleet(10, 10, 10, 10, 20), []),  # better than the others is no fault
        (of_fleet(0.01, 0.01, 0.011, 0.01, 0.1, unit="s", name="disk_sync"), ["n5"]),
        (of_fleet(0.01, 0.01, 0.011, 0.01, 0.001, unit="s", name="disk_sync"), []),
        ([*of_fleet(10, 10, 10, 10), figure("n5", 5, kind="V100")], []),  # another kind of hardware
        ([*of_fleet(10, 10, 10, 10, 10), figure("n5", 5, component="GPU-2")], ["n5"]),  # one GPU of several
        ([*of_fleet(10, 10, 10, 10), figure("n5", None, ok=None)], []),
    ],
)
def test_outliers(measured, named):
    assert [outlier.measured.node for outlier in outliers(measured)] == named


@pytest.mark.parametrize(
    ("fast", "slow", "named"),
    [
        ("12 23 34 24", "15 45", ["n5"]),
        ("12 23 34 24", "15", []),  # one pair says too little
        ("12 23 34 45", "", []),
        ("12 34 25 35", "15 45", []),  # as often fast as slow
    ],
)
def test_the_slow_node_is_the_one_common_to_slow_pairs(fast, slow, named):
    speeds = [(names, 10) for names in fast.split()] + [(names, 3) for names in slow.split()]
    measured = [each for (one, other), speed in speeds for each in pair(f"n{one}", f"n{other}", speed)]
    assert list(slow_in_pairs(measured)) == named


@given(
    st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=0, max_size=30), st.sampled_from(["s", "GB/s"])
)
def test_no_fleet_is_mostly_outliers(values, unit):
    measured = of_fleet(*values, unit=unit)
    assert len(outliers(measured)) <= len(values) / 2


def test_a_slow_node_is_one_finding_that_says_how_slow_and_what_the_others_have():
    found = list(slow_node.detect(cluster(of_fleet(10, 10, 10, 10, 5)), Timing()))
    assert [(finding.node, finding.reason) for finding in found] == [("n5", "gemm_float32")]
    assert "5 TFLOP/s, where its like have 10" in found[0].message


def test_only_fresh_figures_speak():
    old = [Measured(**{name: getattr(each, name) for name in each.__struct_fields__} | {"fresh": False})
           for each in of_fleet(10, 10, 10, 10, 5)]  # fmt: skip
    assert list(slow_node.detect(cluster(old), Timing())) == []


def test_a_wrong_result_is_a_finding_about_its_node_but_not_one_of_a_pair():
    wrong = Measured("n1", "gemm_float32", "GPU-1", "H200", 1.0, "TFLOP/s", False, True, "wrong result", AT, True)
    between = Measured("n1", "all_reduce", "n2", "nccl", 1.0, "GB/s", False, True, "wrong result", AT, True)
    found = list(silent_corruption.detect(cluster([wrong, between]), Timing()))
    assert [(finding.node, finding.reason) for finding in found] == [("n1", "gemm_float32")]
    assert "GPU-1" in found[0].message

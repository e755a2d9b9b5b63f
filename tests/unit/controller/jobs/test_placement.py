"""Placement: by name, in place where it can, with accelerators, or a reason."""

import pytest

from controller.jobs.placement import NodeOffer, PlacementReason, PlacementRequest, place


def offers(*names, accelerators=()):
    return [NodeOffer(name, f"10.0.0.{name[1:]}", "boot", accelerators) for name in names]


@pytest.mark.parametrize(
    ("request_", "free", "chosen"),
    [
        (PlacementRequest(2), ("n3", "n1", "n2"), ["n1", "n2"]),
        (PlacementRequest(2, prefer=["n2", "n3"]), ("n1", "n2", "n3"), ["n2", "n3"]),
        (PlacementRequest(3, prefer=["n1", "n2", "n3"]), ("n1", "n3", "n4", "n5"), ["n1", "n3", "n4"]),
    ],
)
def test_nodes_by_rank(request_, free, chosen):
    placed = place(request_, offers(*free))
    assert [(assignment.node_rank, assignment.node) for assignment in placed] == list(enumerate(chosen))


def test_each_part_gets_as_many_accelerators_as_asked():
    placed = place(PlacementRequest(1, accelerators_per_node=2), offers("n1", accelerators=("a", "b", "c")))
    assert placed[0].accelerators == ("a", "b")


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        (PlacementRequest(2), PlacementReason.WAITING_FOR_NODES),
        (PlacementRequest(1, accelerators_per_node=1), PlacementReason.WAITING_FOR_ACCELERATORS),
    ],
)
def test_no_placement_says_what_is_missing(request_, reason):
    assert place(request_, offers("n1")).reason is reason

import json

import pytest

from bench.resume import figures
from bench.resume.faults import Fault
from bench.resume.figures import Outcome

NEVER = Outcome(None, note="no new step within 180 s")


def ran(*seconds, world=2):
    return [Outcome(each, world, 4) for each in seconds]


@pytest.mark.parametrize(
    ("outcomes", "expected"),
    [
        (ran(3.0, 1.0, 2.0), 2.0),
        (ran(1.0, 2.0), 1.5),
        (ran(1.23456), 1.23),
        ([NEVER], None),
        ([*ran(1.0, 2.0), NEVER], 2.0),
        ([*ran(1.0), NEVER], None),
        ([], None),
    ],
)
def test_never_is_longer_than_anything(outcomes, expected):
    assert figures.median_s(outcomes) == expected


def test_the_smallest_world_seen():
    assert figures.world_after([*ran(1.0), *ran(1.0, world=1)]) == 1
    assert figures.world_after([NEVER]) is None


def test_the_last_line():
    results = {
        Fault.NODE_KILL: {"mainstay": ran(5.0, 4.0, 6.0), "torchrun": ran(45.0, world=1)},
        Fault.SILENT_NODE: {"mainstay": ran(9.0), "torchrun": [NEVER]},
    }
    assert json.loads(figures.to_json(results)) == {
        "node-kill": {"mainstay_s": 5.0, "torchrun_s": 45.0, "ratio": 9.0, "world_after": 2},
        "silent-node": {"mainstay_s": 9.0, "torchrun_s": None, "ratio": None, "world_after": 2},
    }
    assert "\n" not in figures.to_json(results)

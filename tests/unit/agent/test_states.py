"""One condition of which several sensors tell."""

from agent.checks import Verdict, fault, healthy
from agent.hysteresis import Memory
from agent.runner import Reason
from agent.settling import NODE, Settled
from agent.states import States
from wire.conditions import Severity, Status

BAD = Settled(Memory(Status.TRUE), fault(Severity.WARNING, Reason.CHECK_FAILED, "it is bad", "mend it"))
GOOD = Settled(Memory(Status.FALSE), healthy(Reason.SENSORS_ANSWER, "it is well"))
UNKNOWN = Settled(Memory(), Verdict(Status.UNKNOWN, Severity.WARNING, "sensor_failed", "nothing known"))


def states(**recalled: Settled) -> States:
    return States({"Down": ["redis", "s3"]}, lambda type_: recalled if type_ == "Down" else {})


def components(found: States) -> tuple[Status, list[str]]:
    folded = found.folded("Down")
    assert folded is not None
    return folded.verdict.status, folded.components


def test_the_condition_names_the_components_of_all() -> None:
    found = states()
    found.put("Down", "redis", {"redis/a": BAD, "redis/b": GOOD})
    found.put("Down", "s3", {"s3/a": BAD})
    assert components(found) == (Status.TRUE, ["redis/a", "s3/a"])
    found.put("Down", "s3", {})
    assert components(found) == (Status.TRUE, ["redis/a"]), "one that is gone takes nothing of the others along"


def test_a_sensor_that_fails_leaves_the_others() -> None:
    found = states()
    found.put("Down", "s3", {NODE: UNKNOWN})
    found.put("Down", "redis", {"redis/a": BAD})
    assert components(found) == (Status.TRUE, ["redis/a"])
    found.put("Down", "redis", {"redis/a": GOOD})
    assert components(found) == (Status.UNKNOWN, [])


def test_what_is_recalled_belongs_to_whom_it_turns_out_to() -> None:
    found = states(**{"redis/a": BAD, "s3/a": BAD})
    assert components(found)[1] == ["redis/a", "s3/a"]
    found.put("Down", "redis", {"redis/a": GOOD})
    assert found.of("Down", "s3").keys() == {"s3/a"}
    assert components(found) == (Status.TRUE, ["s3/a"])
    found.put("Down", "s3", {"s3/a": GOOD})
    assert components(found)[0] is Status.FALSE


def test_a_person_clears_it_for_all() -> None:
    found = states()
    found.put("Down", "redis", {"redis/a": BAD})
    found.put("Down", "s3", {"s3/a": BAD})
    found.forget("Down", ["s3/a"])
    assert components(found) == (Status.TRUE, ["redis/a"])
    found.forget("Down", [])
    assert found.folded("Down") is None


def test_one_that_is_told_without_a_sensor() -> None:
    found = states()
    found.put("OutOfMemory", "", {"": BAD})
    assert found.types == ["OutOfMemory"]
    assert found.folded("OutOfMemory") is not None

"""A flood is told often enough to count, and then now and again."""

import msgspec

from agent.faults import Sighting
from agent.faults.damping import MANY, TEXT, TOGETHER_S, WINDOW_S, Damper

ERROR = Sighting("aer_corrected", "", "0000:01:00.0", 0.0, "line", "kernel_log")


def at(seconds: float, **other: str) -> Sighting:
    return msgspec.structs.replace(ERROR, at=seconds, **other)


def told(damper: Damper, *sightings: Sighting) -> list[str]:
    return [each.text for sighting in sightings for each in damper.take(sighting)]


def test_few_are_told_one_by_one_for_ever() -> None:
    damper = Damper()
    seconds = [number * WINDOW_S / (MANY - 2) for number in range(500)]
    assert len(told(damper, *map(at, seconds))) == 500


def test_of_many_at_once_the_first_are_told() -> None:
    assert len(told(Damper(), *[at(1)] * 1000)) == MANY


def test_those_held_back_are_told_as_one() -> None:
    damper = Damper()
    told(damper, *[at(0)] * (MANY + 9))
    assert list(damper.due(TOGETHER_S - 1)) == []
    assert [each.text for each in damper.due(TOGETHER_S)] == ["line (9 like it in 0 s)"]


def test_an_endless_flood_is_told_once_in_a_while() -> None:
    hour = told(Damper(), *(at(second / 10) for second in range(36_000)))
    assert len(hour) == MANY + 3600 / TOGETHER_S - 1
    assert hour[-1] == "line (3000 like it in 300 s)"


def test_after_a_pause_it_is_told_anew() -> None:
    damper = Damper()
    told(damper, *[at(0)] * MANY)
    assert list(damper.due(TOGETHER_S)) == []
    assert told(damper, *[at(TOGETHER_S + 1)] * 3) == ["line"] * 3


def test_a_flood_that_thins_out_is_none() -> None:
    damper = Damper()
    told(damper, *[at(0)] * MANY, *[at(second) for second in range(10, 301, 10)])
    assert told(damper, at(310), at(320)) == ["line"] * 2


def test_one_flood_hides_no_other_fault() -> None:
    damper = Damper()
    told(damper, *[at(0)] * 1000)
    assert told(damper, at(0, component="0000:02:00.0"), at(0, kind="aer_fatal"), at(0, code="1")) == ["line"] * 3


def test_the_text_stays_short() -> None:
    damper = Damper()
    told(damper, *[at(0, text="x" * TEXT)] * (MANY + 2))
    (one,) = damper.due(TOGETHER_S)
    assert len(one.text) == TEXT
    assert one.text.endswith("(2 like it in 0 s)")

"""One fault that two sources tell is one; two alike are two."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.faults import Sighting
from agent.faults.twins import KEYS, TWINS_S, Twins

XID = Sighting("xid", "79", "0000:3b:00", 100.0, "line", "kernel_log")
JITTER_S = TWINS_S / 2


def from_nvml(at: float) -> Sighting:
    return msgspec.structs.replace(XID, at=at, source="gpu_nvml_events")


def from_log(at: float) -> Sighting:
    return msgspec.structs.replace(XID, at=at)


def counted(*sightings: Sighting) -> int:
    twins = Twins()
    return [twins.is_twin(each) for each in sightings].count(False)


@st.composite
def interleavings(draw: st.DrawFn) -> tuple[int, list[Sighting]]:
    """A sequence of like events, and both sources' copies of each in their order, one source any way ahead of the
    other."""
    ats = sorted(draw(st.lists(st.floats(0, 60), max_size=40)))
    jitter = st.floats(0, JITTER_S)
    left = [from_log(at) for at in sorted(at + draw(jitter) for at in ats)]
    right = [from_nvml(at) for at in sorted(at + draw(jitter) for at in ats)]
    order = draw(st.permutations([True] * len(ats) + [False] * len(ats)))
    return len(ats), [(left if first else right).pop(0) for first in order]


@given(interleavings())
def test_any_interleaving_gives_the_sequences_count(case: tuple[int, list[Sighting]]) -> None:
    count, sightings = case
    assert counted(*sightings) == count


def test_a_second_one_from_the_same_source_counts() -> None:
    assert counted(from_log(1), from_log(1), from_nvml(1)) == 2


def test_three_of_one_and_one_of_the_other_are_three() -> None:
    assert counted(from_log(1), from_log(2), from_log(3), from_nvml(2)) == 3


def test_what_one_source_missed_is_counted_still() -> None:
    """The second of the one pairs with the first of the other; that one's second counts instead."""
    assert counted(from_log(1), from_nvml(4), from_log(4)) == 2


def test_too_far_apart_are_two() -> None:
    assert counted(from_log(1), from_nvml(1 + TWINS_S + 0.1)) == 2


def test_what_is_remembered_is_bounded_and_the_newest_stays() -> None:
    twins = Twins()
    for number in range(2 * KEYS):
        twins.is_twin(msgspec.structs.replace(from_log(1), component=str(number)))
    assert len(twins) == KEYS
    assert twins.is_twin(msgspec.structs.replace(from_nvml(1), component=str(2 * KEYS - 1)))


@pytest.mark.parametrize("other", [{"code": "48"}, {"component": "0000:4c:00"}, {"kind": "sxid"}])
def test_what_is_not_alike_is_no_twin(other: dict[str, str]) -> None:
    assert counted(from_log(1), msgspec.structs.replace(from_nvml(1), **other)) == 2

"""One condition for many components: each settles by itself, the worst is told."""

from enum import StrEnum

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from agent.checks import Clears, Verdict, fault, healthy
from agent.hysteresis import Memory, Rule
from agent.settling import MESSAGE_CHARACTERS, NODE, Settled, fold, observe, unknown
from wire.conditions import COMPONENTS, Severity, Status

ONCE = Rule(1, 1, 1)
TWICE = Rule(2, 2, 2)


class Reason(StrEnum):
    GOOD = "good"
    BAD = "bad"
    WORSE = "worse"


GOOD = healthy(Reason.GOOD, "well")
BAD = fault(Severity.WARNING, Reason.BAD, "hot", "cool it")
WORSE = fault(Severity.CRITICAL, Reason.WORSE, "on fire", "leave the building")
UNKNOWN = Verdict(Status.UNKNOWN, Severity.WARNING, Reason.BAD, "silent")


def after(*judgements, rule=ONCE, clears=Clears.FACT):
    states = {}
    for judged in judgements:
        states = observe(states, judged, rule, clears)
    return states


def test_a_verdict_on_the_node_names_no_component() -> None:
    folded = fold(after(BAD))
    assert folded is not None
    assert (folded.verdict, folded.components) == (BAD, [])


def test_the_worst_is_told_first_and_all_are_named() -> None:
    folded = fold(after({"g0": BAD, "g1": GOOD, "g2": WORSE}))
    assert folded is not None
    assert (folded.verdict.severity, folded.verdict.reason) == (Severity.CRITICAL, Reason.WORSE)
    assert folded.components == ["g2", "g0"]
    assert folded.verdict.message == "g2: on fire; g0: hot"


def test_a_uuid_is_a_component_and_no_word_of_the_message() -> None:
    gpu = "GPU-00000003-5eed-4000-8000-000000000003"
    folded = fold(after({gpu: BAD}))
    assert folded is not None
    assert (folded.components, folded.verdict.message) == ([gpu], BAD.message)


def test_a_component_that_flaps_does_not_hide_one_that_fails() -> None:
    folded = fold(after({"g0": BAD, "g1": BAD}, {"g0": GOOD, "g1": BAD}, rule=TWICE))
    assert folded is not None
    assert folded.components == ["g1"]


def test_of_many_alike_a_few_are_named() -> None:
    folded = fold(after({f"disk{number}": BAD for number in range(6)}))
    assert folded is not None
    assert folded.verdict.message == "disk0, disk1, disk2, disk3 and 2 more: hot"
    assert len(folded.components) == 6


def test_what_hides_behind_one_hides_behind_all() -> None:
    hiding = msgspec.structs.replace(UNKNOWN, hides=Severity.CRITICAL)
    folded = fold(after({"a": UNKNOWN, "b": hiding, "c": GOOD}))
    assert folded is not None
    assert (folded.verdict.status, folded.verdict.hides) == (Status.UNKNOWN, Severity.CRITICAL)


def test_a_component_that_is_not_judged_any_more_is_forgotten() -> None:
    assert fold(after({"g0": BAD}, {})) is None


def test_what_only_a_person_clears_stays_though_it_looks_well_or_is_gone() -> None:
    for judged in ({"g0": GOOD}, {}, {"g0": UNKNOWN}):
        folded = fold(after({"g0": WORSE}, judged, judged, clears=Clears.PERSON))
        assert folded is not None
        assert (folded.verdict.status, folded.components) == (Status.TRUE, ["g0"])


def test_nothing_known_is_unknown_of_all_that_was_known() -> None:
    folded = fold(unknown(after({"g0": GOOD, "g1": BAD}), UNKNOWN, Clears.FACT))
    assert folded is not None
    assert (folded.verdict.status, folded.components) == (Status.UNKNOWN, ["g0", "g1"])
    first = fold(unknown({}, UNKNOWN, Clears.FACT))
    assert first is not None
    assert first.verdict.status is Status.UNKNOWN


def test_what_sticks_is_not_hidden_by_unknown() -> None:
    folded = fold(unknown(after({"g0": WORSE}, clears=Clears.REBOOT), UNKNOWN, Clears.REBOOT))
    assert folded is not None
    assert folded.verdict.status is Status.TRUE


def test_what_was_said_before_a_restart_stands_until_disproved() -> None:
    before = {NODE: Settled(Memory(Status.TRUE), BAD)}
    folded = fold(observe(before, GOOD, TWICE, Clears.FACT))
    assert folded is not None
    assert folded.verdict == BAD


@given(
    st.lists(
        st.dictionaries(st.text(max_size=8), st.sampled_from([GOOD, BAD, WORSE, UNKNOWN]), max_size=100), max_size=8
    ),
    st.sampled_from(list(Clears)),
)
def test_a_condition_is_bounded_and_as_bad_as_its_worst(judgements, clears) -> None:
    states = after(*judgements, clears=clears)
    folded = fold(states)
    said = [state.said.status for state in states.values() if state.said is not None]
    assert (folded is None) == (not said)
    if folded is not None:
        assert len(folded.components) <= COMPONENTS
        assert len(folded.verdict.message) <= MESSAGE_CHARACTERS
        assert (folded.verdict.status is Status.TRUE) == (Status.TRUE in said)

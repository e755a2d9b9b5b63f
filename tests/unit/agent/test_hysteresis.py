import itertools

from hypothesis import given
from hypothesis import strategies as st

from agent.hysteresis import DAMPING_DOUBLINGS, Memory, Rule, quiet_needed, settle
from wire.conditions import Status

T, F, U = Status.TRUE, Status.FALSE, Status.UNKNOWN
RULE = Rule(bad=3, of=5, good=2)

statuses = st.lists(st.sampled_from([T, F, U]), max_size=40)
rules = st.integers(1, 6).flatmap(lambda of: st.builds(Rule, st.integers(1, of), st.just(of), st.integers(1, 6)))


def said(observations: list[Status], rule: Rule = RULE, memory: Memory | None = None) -> list[Status]:
    memory, words = memory or Memory(), []
    for observed in observations:
        memory = settle(memory, observed, rule)
        words.append(memory.settled)
    return words


def test_a_healthy_node_need_not_wait() -> None:
    assert said([F]) == [F]


def test_a_single_bad_look_says_nothing() -> None:
    assert said([F, T, F, F, T, F]) == [F] * 6


def test_three_of_five_raise_and_two_in_a_row_clear() -> None:
    assert said([F, T, F, T, T, F, T, F, F]) == [F, F, F, F, T, T, T, T, F]


def test_what_was_said_before_a_restart_stands_until_disproved() -> None:
    assert said([F, F], memory=Memory(settled=T)) == [T, F]


def test_unknown_is_said_at_once() -> None:
    assert said([F, U]) == [F, U]


@given(statuses, rules)
def test_never_true_without_enough_evidence(observations: list[Status], rule: Rule) -> None:
    for index, word in enumerate(said(observations, rule)):
        if word is T and (index == 0 or said(observations[:index], rule)[-1] is not T):
            assert observations[max(0, index + 1 - rule.of) : index + 1].count(T) >= rule.bad


@given(statuses, rules)
def test_a_fault_clears_only_after_enough_good_in_a_row(observations: list[Status], rule: Rule) -> None:
    words = said(observations, rule)
    for index in range(1, len(words)):
        if words[index - 1] is T and words[index] is F:
            assert observations[: index + 1][-rule.good :] == [F] * rule.good


@given(statuses, rules)
def test_good_looks_alone_always_end_healthy(observations: list[Status], rule: Rule) -> None:
    assert said(observations + [F] * (rule.good << DAMPING_DOUBLINGS), rule)[-1] is F


def test_one_that_flaps_must_be_quiet_for_longer_each_time() -> None:
    memory, needed = Memory(), []
    for _ in range(8):
        memory = settle(memory, T, Rule(1, 1, 2))
        quiet = 0
        while memory.settled is T:
            memory = settle(memory, F, Rule(1, 1, 2))
            quiet += 1
        needed.append(quiet)
    assert needed == [2, 2, 4, 8, 16, 32, 32, 32]


def test_a_long_calm_is_forgiven() -> None:
    memory = Memory()
    for observed in [F, T, F, F, T, F, F, F, F, T]:
        memory = settle(memory, observed, Rule(1, 1, 2))
    assert quiet_needed(memory, Rule(1, 1, 2)) > 2
    for _ in range(200):
        memory = settle(memory, F, Rule(1, 1, 2))
    assert quiet_needed(memory, Rule(1, 1, 2)) == 2


@given(st.lists(st.booleans(), min_size=1, max_size=400))
def test_it_never_flaps_more_than_its_bound(faults: list[bool]) -> None:
    """With good = 2: each return to FALSE takes at least twice as many looks as the one before, up to 32."""
    words = said([T if fault else F for fault in faults], Rule(1, 1, 2))
    turns = sum(before is T and after is F for before, after in itertools.pairwise(words))
    assert turns <= 5 + len(faults) / 33 + len(faults) / 64


@given(statuses, rules)
def test_memory_is_bounded(observations: list[Status], rule: Rule) -> None:
    memory = Memory()
    for observed in observations:
        memory = settle(memory, observed, rule)
    assert len(memory.history) <= rule.of

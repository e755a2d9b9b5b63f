"""What a fault did to a job, told from its steps."""

import pytest

from bench.soak.plan import Kind
from bench.soak.recovery import Strike, effects, figures, lost_steps, recovered
from bench.soak.witness import Life


def strike(at, number=1, kind=Kind.NODE_KILL, jobs=("j-1",), mended_at=None):
    return Strike(number, kind, "n1", jobs, at, at if mended_at is None else mended_at)


def life(attempt, first, times):
    return Life("j-1", attempt, list(range(first, first + len(times))), list(times))


FIRST = life(1, 1, range(1, 11))  # steps 1 to 10, a second each
SECOND = life(2, 9, range(20, 30))  # from the checkpoint of step 8


def test_a_relaunch_is_timed_to_its_first_step_and_counts_what_was_done_again():
    (effect,) = effects([strike(10.5)], {"j-1": [FIRST, SECOND]})
    assert (effect.pause_s, effect.lost_steps) == (9.5, 2)


def test_where_the_attempt_goes_on_the_longest_time_between_steps_counts():
    went_on = life(1, 1, [1, 2, 3, 9, 10])
    (effect,) = effects([strike(3.5, mended_at=8)], {"j-1": [went_on]})
    assert (effect.pause_s, effect.lost_steps) == (5.5, 0)


def test_an_attempt_that_a_later_fault_ended_went_on_after_the_earlier_one():
    early, late = effects([strike(2.5, 1), strike(9.5, 2)], {"j-1": [FIRST, SECOND]})
    assert (early.pause_s, early.lost_steps) == (1, 0)
    assert (late.pause_s, late.lost_steps) == (10.5, 2)


def test_an_attempt_falls_to_the_fault_that_came_right_after_its_last_step():
    early, late = effects([strike(2.5, 1), strike(10.1, 2)], {"j-1": [FIRST, SECOND]})
    assert early.pause_s == 1
    assert (round(late.pause_s, 1), late.lost_steps) == (9.9, 2)


def test_two_faults_in_one_recovery_count_what_was_lost_once():
    found = effects([strike(10.5, 1), strike(15, 2)], {"j-1": [FIRST, SECOND]})
    assert [(effect.pause_s, effect.lost_steps) for effect in found] == [(9.5, 2), (5, 0)]


def test_a_job_without_steps_since_has_not_recovered():
    blow = strike(10.5)
    found = effects([blow], {"j-1": [FIRST]})
    assert [effect.pause_s for effect in found] == [None]
    assert not recovered(blow, found, {1: True})


@pytest.mark.parametrize(("back", "expected"), [(True, True), (False, False)])
def test_what_was_hit_has_to_be_back_in_service_too(back, expected):
    blow = strike(10.5)
    assert recovered(blow, effects([blow], {"j-1": [FIRST, SECOND]}), {1: back}) is expected


def test_a_fault_that_hits_no_job_needs_none_to_recover():
    blow = strike(10.5, jobs=())
    assert recovered(blow, [], {1: True})


def test_a_job_that_no_fault_hit_has_no_effects():
    assert effects([strike(10.5, jobs=("k-1",))], {"j-1": [FIRST, SECOND]}) == []


def test_figures_have_a_row_for_every_kind():
    blows = [strike(10.5), strike(15, 2, Kind.SHIM_KILL)]
    rows = figures(blows, effects(blows, {"j-1": [FIRST, SECOND]}), {1: True, 2: True})
    assert [row.kind for row in rows] == list(Kind)
    by_kind = {row.kind: (row.count, row.recovered, row.median_s, row.lost_steps) for row in rows if row.count}
    assert by_kind == {Kind.NODE_KILL: (1, 1, 9.5, 2), Kind.SHIM_KILL: (1, 1, 5, 0)}


def test_lost_steps_are_those_done_again():
    assert lost_steps({"j-1": [FIRST, SECOND], "k-1": [FIRST]}) == 2

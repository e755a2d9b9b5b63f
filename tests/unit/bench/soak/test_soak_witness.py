"""What the workers' own record proves."""

import pytest

from bench.soak.witness import lives, parse, violations


def record(*lines):
    """Each line: verb, attempt, rank, step; a second apart."""
    return parse("".join(f"{verb} j-1 {a} {r} {s} 77 {at}.0\n" for at, (verb, a, r, s) in enumerate(lines)))


def steps(attempt, rank, *numbers):
    return [("step", attempt, rank, number) for number in numbers]


def claims(*lines, world=2):
    return [violation.claim for violation in violations(record(*lines), {"j-1": world})]


def test_attempts_one_after_the_other_are_as_they_should_be():
    first = [("start", 1, 0, 0), ("start", 1, 1, 0), *steps(1, 0, 1, 2), *steps(1, 1, 1, 2)]
    second = [("start", 2, 0, 0), ("start", 2, 1, 0), *steps(2, 0, 2, 3), *steps(2, 1, 2, 3)]
    assert claims(*first, *second) == []


def test_a_half_written_line_is_not_read():
    assert len(parse("step j-1 1 0 1 77 1.0\nstep j-1 1 0 2 7")) == 1


def test_a_rank_that_finishes_its_last_collective_late_did_not_run_twice():
    assert claims(*steps(1, 0, 1), *steps(2, 0, 2), *steps(1, 0, 2)) == []


@pytest.mark.parametrize(
    "late",
    [
        pytest.param(steps(1, 1, 2, 3), id="a rank that goes on and on"),
        pytest.param([*steps(1, 0, 2), *steps(1, 1, 2)], id="all its ranks"),
    ],
)
def test_an_old_attempt_that_steps_beside_a_newer_one_ran_twice(late):
    assert "a job ran twice" in claims(*steps(1, 0, 1), *steps(1, 1, 1), *steps(2, 0, 2), *late)


def test_a_start_on_its_own_is_no_overlap_but_a_second_one_is_an_order_done_twice():
    assert claims(("start", 1, 0, 0), ("start", 2, 0, 0)) == []
    assert claims(("start", 1, 0, 0), ("start", 1, 0, 0)) == ["an order done twice"]


@pytest.mark.parametrize("numbers", [(1, 3), (1, 2, 2), (3, 2)])
def test_steps_left_out_or_done_again_within_an_attempt_are_named(numbers):
    assert claims(*steps(1, 0, *numbers)) == ["steps"]


def test_lives_are_rank_0s_oldest_attempt_first():
    found = lives(record(*steps(2, 0, 5), *steps(1, 0, 1), *steps(1, 1, 1)))
    assert [(life.attempt, life.steps) for life in found["j-1"]] == [(1, [1]), (2, [5])]

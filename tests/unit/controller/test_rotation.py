"""Whose turn it is, and with whom."""

from datetime import UTC, datetime, timedelta

from controller.rotation import due, turns

START = datetime(2026, 1, 1, tzinfo=UTC)
WEEK = timedelta(days=7)
NAMES = [f"n{number}" for number in range(1, 9)]
JOINED = dict.fromkeys(NAMES, START)


def test_nobody_is_measured_in_the_first_half_interval_and_all_by_its_end_spread():
    assert due(NAMES, JOINED, {}, START + WEEK / 2 - timedelta(seconds=1), WEEK) == []
    assert 0 < len(due(NAMES, JOINED, {}, START + WEEK * 0.75, WEEK)) < len(NAMES)
    assert sorted(due(NAMES, JOINED, {}, START + WEEK, WEEK)) == NAMES


def test_a_turn_comes_once_an_interval_and_the_longest_overdue_first():
    asked = {"n1": START, "n2": START - timedelta(hours=1)}
    assert due(["n1", "n2"], JOINED, asked, START + WEEK - timedelta(seconds=1), WEEK) == ["n2"]
    assert due(["n1", "n2"], JOINED, asked, START + WEEK, WEEK) == ["n2", "n1"]


def test_at_most_so_many_at_once_and_no_node_in_two_of_them():
    chosen = turns(NAMES, NAMES, {}, room=3)
    involved = [name for turn in chosen for name in (turn.node, turn.peer)]
    assert len(chosen) == 3
    assert len(set(involved)) == 6
    assert turns(NAMES, NAMES, {}, room=0) == []


def test_a_node_that_is_alone_is_measured_alone():
    assert [turn.peer for turn in turns(["n1"], ["n1"], {}, room=1)] == [None]


def test_over_time_every_node_meets_every_other():
    met = {name: {} for name in NAMES}
    for round_ in range(len(NAMES) - 1):
        for name in NAMES:
            (turn,) = turns([name], NAMES, met, room=1)
            met[name][turn.peer] = met[turn.peer][name] = START + WEEK * round_
    assert all(len(met[name]) == len(NAMES) - 1 for name in NAMES)

"""From samples to what is told."""

import pytest

from bench.agent import figures
from bench.agent.figures import Spread
from bench.agent.meter import Usage, between


@pytest.mark.parametrize(
    ("values", "share", "expected"),
    [([3.0], 0.99, 3.0), ([1.0, 2.0], 0.5, 1.0), (range(1, 101), 0.99, 99), (range(1, 101), 1.0, 100)],
)
def test_a_percentile_is_a_sample(values, share, expected):
    assert figures.percentile(values, share) == expected


def test_a_spread_is_in_milliseconds():
    assert figures.spread([0.001, 0.003, 0.002]) == Spread(3, 2.0, 3.0, 3.0)
    assert figures.spread([]) is None


def test_looks_are_late_by_what_is_above_their_cadence():
    late = figures.lateness([10.0, 11.0, 12.5, 13.25], 1.0)
    assert late == [(11.0, 0.0), (12.5, 0.5), (13.25, 0.0)]


def test_a_look_that_was_asked_again_counts_when_it_was_asked_again():
    late = figures.lateness([10.0, 11.0, 11.25, 12.25], 1.0)
    assert late == [(11.25, 0.25), (12.25, 0.0)]


def test_the_worst_is_looked_for_within_its_span():
    late = [(1.0, 0.5), (2.0, 0.1), (3.0, 0.2), (9.0, 0.7)]
    assert figures.worst(late, 2.0, 4.0) == 0.2
    assert figures.worst(late, 4.0, 5.0) is None


def test_time_of_a_process_that_ended_is_counted_once():
    """The prober, 2 s old, used one more, ended, and another one was started."""
    begin = Usage(100.0, {1: 5.0, 2: 2.0}, 0.0, {1: "agent.main", 2: "agent.prober"}, {(1, 1, "python"): 5.0})
    names = {1: "agent.main", 3: "agent.prober"}
    threads = {(1, 1, "python"): 5.1, (3, 3, "python"): 0.1, (3, 4, "python"): 0.4}
    end = Usage(110.0, {1: 5.1, 3: 0.5}, 3.0, names, threads)

    cost = between(begin, end)

    assert cost.total == pytest.approx(160.0)
    assert cost.processes == pytest.approx({"agent.main": 10.0, "agent.prober": 50.0, "ended": 100.0})
    assert cost.threads == pytest.approx(
        {
            ("agent.main", "main thread"): 10.0,
            ("agent.prober", "main thread"): 10.0,
            ("agent.prober", "thread python"): 40.0,
        }
    )

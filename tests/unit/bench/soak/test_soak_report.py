"""The last line, and when it says that all is well."""

from collections import Counter

import msgspec
import pytest

from bench.soak.growth import FLAT_MIB, Sample
from bench.soak.outcome import Outcome
from bench.soak.plan import Kind
from bench.soak.recovery import Strike
from bench.soak.report import render, render_violations, result
from bench.soak.violation import Violation
from bench.soak.watch import Seen
from bench.soak.witness import Line
from cli.terminal import console


def steps(attempt, first, last, begin):
    return [Line("step", "j-1", attempt, 0, n, 7, begin + n - first) for n in range(first, last + 1)]


@pytest.fixture
def outcome():
    """A node was killed at 10.5; the job went on from step 8."""
    level = [Sample(float(age), 50 + FLAT_MIB / 1200 * age) for age in range(1000)]
    return Outcome(
        strikes=[Strike(1, Kind.NODE_KILL, "n1", ("j-1",), 10.5, 12.0)],
        seen=Seen({"controller": {(1, 1.0): level}, "agent": {}}, {"n1": [9.0, 30.0]}),
        lines=[*steps(1, 1, 10, 1.0), *steps(2, 9, 20, 20.0)],
    )


def test_the_last_line_has_what_was_asked_for(outcome):
    said = msgspec.to_builtins(result(outcome, seed=3, minutes=1.0))
    assert said == {
        "seed": 3,
        "minutes": 1.0,
        "faults": 1,
        "recoveries": 1,
        "steps": 20,
        "lost_steps": 2,
        "leaked_processes": 0,
        "leaked_fds": 0,
        "rss_growth_mib": 0.0,
        "wrong": 0,
    }
    assert result(outcome, 3, 1.0).clean


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("violations", [Violation("a job ran twice", "j-1")]),
        ("fds", {"n1": Counter({"socket": 2})}),
        ("left", ["77 sleep"]),
        ("seen", Seen({"controller": {(1, 1.0): [Sample(float(age), age / 10) for age in range(1000)]}, "agent": {}})),
    ],
)
def test_anything_wrong_or_leaked_or_growing_is_not_clean(outcome, field, value):
    setattr(outcome, field, value)
    assert not result(outcome, 3, 1.0).clean


def test_the_screen_fits_80_columns_and_tells_what_went_wrong(outcome, capsys):
    outcome.fds = {"n1": Counter({"socket": 2})}
    screen = console()
    screen.print(render(outcome))
    screen.print(render_violations([Violation("a job ran twice", "j-1", 10.0)], [[(10.5, "FAULT 1 node-kill n1")]]))
    said = capsys.readouterr().out
    assert all(len(line) <= 80 for line in said.splitlines())
    assert "node-kill" in said
    assert "9.5 s" in said
    assert "descriptors of n1: 2 more socket" in said
    assert "WRONG  a job ran twice: j-1" in said
    assert "00:00:10  FAULT 1 node-kill n1" in said

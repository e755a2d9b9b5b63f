"""The record that workers keep outside Mainstay (witnessed.py), and what it proves. Pure, but for ``read``.

All processes are on one machine: one clock.
"""

import itertools
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from bench.soak.violation import Violation


class Line(NamedTuple):
    verb: str  # "start" or "step"
    job: str
    attempt: int
    rank: int
    step: int
    pid: int
    at: float  # seconds since 1970


class Life(NamedTuple):
    """An attempt that made steps, as its rank 0 wrote them down."""

    job: str
    attempt: int
    steps: list[int]
    times: list[float]


def read(path: Path) -> list[Line]:
    return parse(path.read_text()) if path.exists() else []


def parse(text: str) -> list[Line]:
    """Whole lines only, in the order of their time."""
    rows = (line.split() for line in text.split("\n")[:-1])
    lines = [Line(v, j, int(a), int(r), int(s), int(p), float(t)) for v, j, a, r, s, p, t in rows]
    return sorted(lines, key=lambda line: line.at)


def lives(lines: Iterable[Line]) -> dict[str, list[Life]]:
    """For each job its attempts, oldest first."""
    found: dict[tuple[str, int], Life] = {}
    for line in lines:
        if line.verb == "step" and line.rank == 0:
            life = found.setdefault((line.job, line.attempt), Life(line.job, line.attempt, [], []))
            life.steps.append(line.step)
            life.times.append(line.at)
    by_job: dict[str, list[Life]] = defaultdict(list)
    for key in sorted(found):
        by_job[key[0]].append(found[key])
    return dict(by_job)


def violations(lines: Sequence[Line], worlds: Mapping[str, int]) -> list[Violation]:
    """``worlds``: how many ranks each job has."""
    return [*_overlaps(lines, worlds), *_started_twice(lines), *_gaps(lines)]


def _overlaps(lines: Sequence[Line], worlds: Mapping[str, int]) -> Iterator[Violation]:
    """An old attempt that steps beside a newer one.

    A rank that was stopped in the middle of a collective may finish that one step alone when it is continued, from
    what its kernel had already received; it can neither do a second one nor can all ranks do one.
    """
    newest: dict[str, int] = {}
    late: dict[tuple[str, int], list[Line]] = defaultdict(list)
    for line in lines:
        if line.verb == "step":
            newest[line.job] = max(newest.get(line.job, 0), line.attempt)
            if line.attempt < newest[line.job]:
                late[line.job, line.attempt].append(line)
    for (job, attempt), beside in late.items():
        ranks = Counter(line.rank for line in beside)
        if max(ranks.values()) > 1 or len(ranks) == worlds[job] > 1:
            told = f"{job}: attempt {attempt} made {len(beside)} steps (ranks {sorted(ranks)}) beside a newer attempt"
            yield Violation("a job ran twice", told, beside[0].at)


def _started_twice(lines: Sequence[Line]) -> Iterator[Violation]:
    """A launch carried out twice: a rank of one attempt that starts a second time."""
    seen: set[tuple[str, int, int]] = set()
    for line in lines:
        who = line.job, line.attempt, line.rank
        if line.verb == "start" and who in seen:
            yield Violation(
                "an order done twice", f"{line.job}: rank {line.rank} of attempt {line.attempt} started twice", line.at
            )
        if line.verb == "start":
            seen.add(who)


def _gaps(lines: Sequence[Line]) -> Iterator[Violation]:
    """Steps left out, or done twice, within an attempt."""
    for life in itertools.chain.from_iterable(lives(lines).values()):
        for (before, after), at in zip(itertools.pairwise(life.steps), life.times[1:], strict=True):
            if after != before + 1:
                yield Violation("steps", f"{life.job}: attempt {life.attempt} made step {after} after {before}", at)

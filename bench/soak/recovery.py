"""What each fault did to the jobs it hit, from the witness. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from statistics import median

import msgspec

from bench.soak.plan import Kind
from bench.soak.witness import Life

STEP_S = 1.0  # a step takes no longer: an attempt that made its last one so shortly before a fault fell to that fault


class Strike(msgspec.Struct, frozen=True):
    """A fault that was caused. ``jobs`` had workers where it hit; ``at`` and ``mended_at``: seconds since 1970."""

    number: int
    kind: Kind
    target: str
    jobs: tuple[str, ...]
    at: float
    mended_at: float


class Effect(msgspec.Struct, frozen=True):
    """On one job. ``pause_s``: to the first step of the next attempt; where the attempt went on, the longest time
    between two of its steps. None: no step came any more."""

    strike: Strike
    job: str
    pause_s: float | None
    lost_steps: int = 0  # done before, and done again


class Figures(msgspec.Struct, frozen=True):
    """Of one kind of fault."""

    kind: Kind
    count: int
    recovered: int
    median_s: float | None
    worst_s: float | None
    lost_steps: int


def effects(strikes: Sequence[Strike], lives: Mapping[str, Sequence[Life]]) -> list[Effect]:
    return [effect for job in lives for effect in _of_job([s for s in strikes if job in s.jobs], job, lives[job])]


def lost_steps(lives: Mapping[str, Sequence[Life]]) -> int:
    return sum(_again(life, after) for each in lives.values() for life, after in pairwise(each))


def figures(strikes: Sequence[Strike], found: Sequence[Effect], back: Mapping[int, bool]) -> list[Figures]:
    """``back``: for each fault's number, whether the daemons it hit were seen in service afterwards."""
    return [_figures(kind, [s for s in strikes if s.kind is kind], found, back) for kind in Kind]


def recovered(strike: Strike, found: Sequence[Effect], back: Mapping[int, bool]) -> bool:
    """The jobs it hit have stepped since, and what it hit is in service."""
    mine = [effect for effect in found if effect.strike.number == strike.number]
    return back[strike.number] and len(mine) == len(strike.jobs) and all(e.pause_s is not None for e in mine)


def _figures(kind: Kind, strikes: Sequence[Strike], found: Sequence[Effect], back: Mapping[int, bool]) -> Figures:
    mine = [effect for effect in found if effect.strike.kind is kind]
    pauses = [effect.pause_s for effect in mine if effect.pause_s is not None]
    return Figures(
        kind=kind,
        count=len(strikes),
        recovered=sum(recovered(strike, found, back) for strike in strikes),
        median_s=median(pauses) if pauses else None,
        worst_s=max(pauses, default=None),
        lost_steps=sum(effect.lost_steps for effect in mine),
    )


def _of_job(strikes: Sequence[Strike], job: str, lives: Sequence[Life]) -> Iterator[Effect]:
    counted: set[int] = set()
    for strike, until in zip(strikes, [*(s.at for s in strikes[1:]), float("inf")], strict=False):
        struck, after = _around(lives, strike.at)
        if struck is not None and (after is None or struck.times[-1] > until - STEP_S):
            yield Effect(strike, job, _longest_gap(struck, strike, until))
        elif after is not None:
            lost = _again(struck, after) if struck is not None and after.attempt not in counted else 0
            counted.add(after.attempt)
            yield Effect(strike, job, after.times[0] - strike.at, lost)


def _around(lives: Sequence[Life], at: float) -> tuple[Life | None, Life | None]:
    """The newest attempt that had stepped by then, and the one after."""
    before = [life for life in lives if life.times[0] <= at]
    return (before[-1] if before else None), (lives[len(before)] if len(before) < len(lives) else None)


def _longest_gap(life: Life, strike: Strike, until: float) -> float | None:
    """From the fault on; None when no step came after it was taken back."""
    times = [strike.at, *(at for at in life.times if strike.at < at <= until)]
    if life.times[-1] <= strike.mended_at:
        return None
    return max((after - before for before, after in pairwise(times)), default=None)


def _again(before: Life, after: Life) -> int:
    return max(0, before.steps[-1] - after.steps[0] + 1)

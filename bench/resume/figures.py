"""From single runs to the figures that are told. Pure."""

import math
import statistics
from collections.abc import Mapping, Sequence

import msgspec

from bench.resume.faults import Fault

OURS, THEIRS = "mainstay", "torchrun"


class Outcome(msgspec.Struct, frozen=True):
    """Of one run. ``seconds`` None: the job never trained again. ``note``: where the time went."""

    seconds: float | None
    world: int | None = None
    lost_steps: int | None = None
    note: str = ""


class Line(msgspec.Struct, frozen=True):
    """Of one fault, for programs. ``ratio`` is torchrun's time by Mainstay's; ``world_after`` is Mainstay's."""

    mainstay_s: float | None
    torchrun_s: float | None
    ratio: float | None
    world_after: int | None


Outcomes = Mapping[str, Sequence[Outcome]]  # by contender


def median_s(outcomes: Sequence[Outcome]) -> float | None:
    """Never counts as longer than anything; None when never is the median, or nothing was run."""
    if not outcomes:
        return None
    median = statistics.median(math.inf if outcome.seconds is None else outcome.seconds for outcome in outcomes)
    return None if math.isinf(median) else round(median, 2)


def world_after(outcomes: Sequence[Outcome]) -> int | None:
    """The smallest seen; None when none resumed."""
    return min((outcome.world for outcome in outcomes if outcome.world is not None), default=None)


def line(outcomes: Outcomes) -> Line:
    ours, theirs = median_s(outcomes.get(OURS, ())), median_s(outcomes.get(THEIRS, ()))
    ratio = round(theirs / ours, 1) if ours and theirs else None
    return Line(ours, theirs, ratio, world_after(outcomes.get(OURS, ())))


def to_json(results: Mapping[Fault, Outcomes]) -> str:
    return msgspec.json.encode({str(fault): line(outcomes) for fault, outcomes in results.items()}).decode()

"""Is what a sensor says good? One module per judgement.

A check is a module of this package that defines

- ``TYPE``: the condition's type, in CamelCase; the condition is TRUE when the fault it names is present;
- ``READS``: the sensor it judges;
- ``WINDOW``: how many of the newest readings it needs;
- ``Thresholds``: a frozen struct derived from :class:`Steadiness`, every field with a default and the default's
  source; the node's configuration fills it from ``[thresholds.MODULE]``;
- ``Reason``: its reasons, an enum of words;
- ``judge(window, thresholds) -> Verdict``: a pure function. ``window`` holds WINDOW readings, the newest last.
"""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, Generic, TypeVar

import msgspec

from agent.discovery import modules_of
from wire.conditions import Severity, Status

R = TypeVar("R")
Count = Annotated[int, msgspec.Meta(ge=1, le=1000)]
Fraction = Annotated[float, msgspec.Meta(ge=0, le=1)]


class Timed(msgspec.Struct, Generic[R], frozen=True):
    """``at`` is seconds of CLOCK_BOOTTIME."""

    at: float
    reading: R


class Steadiness(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The condition turns TRUE when ``bad`` of the last ``of`` judgements say so, FALSE after ``good`` in a row."""

    bad: Count = 1
    of: Count = 1
    good: Count = 2

    def __post_init__(self) -> None:
        if self.bad > self.of:
            raise ValueError(f"bad ({self.bad}) is larger than of ({self.of})")


class Verdict(msgspec.Struct, frozen=True):
    status: Status
    severity: Severity
    reason: StrEnum
    message: str
    suggested_action: str = ""


@dataclass(frozen=True)
class Check:
    """A check as it was found; ``judge`` takes an instance of ``thresholds``."""

    name: str
    condition: str
    reads: str
    window: int
    thresholds: type[Steadiness]
    judge: Callable[[Sequence[Timed[Any]], Any], Verdict]


def healthy(reason: StrEnum, message: str) -> Verdict:
    return Verdict(Status.FALSE, Severity.INFO, reason, message)


def discover() -> dict[str, Check]:
    """Every check of this package, by name."""
    modules = modules_of(sys.modules[__name__], having="judge")
    return {
        name: Check(name, module.TYPE, module.READS, module.WINDOW, module.Thresholds, module.judge)
        for name, module in modules.items()
    }

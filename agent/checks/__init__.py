"""Is what a sensor says good? One module per judgement.

A check is a module of this package that defines

- ``TYPE``: the condition's type, in CamelCase; the condition is TRUE when the fault it names is present;
- ``READS``: the sensor it judges, or several whose readings are of one shape: each is judged by itself, and the
  condition names the components of all. No two of them may have a component of the same name;
- ``WINDOW``: how many of the newest readings it needs;
- ``CLEARS`` (:class:`Clears`), if something else than the fact itself must clear it;
- ``WORST``: ``Severity.WARNING``, if it never says worse. Without it the worst is critical;
- ``Thresholds``: a frozen struct derived from :class:`Steadiness`, every field with a default and the default's
  source; the node's configuration fills it from ``[thresholds.MODULE]``;
- ``Reason``: its reasons, an enum of words;
- ``ACTION``: what a person or a playbook should do about it, in one line, for the documents;
- ``judge(window, thresholds) -> Verdict | dict[str, Verdict]``: a pure function. ``window`` holds WINDOW readings, the
  newest last. A dict has a verdict for each component (a GPU, a disk, an interface): each is settled by itself, and the
  condition is TRUE while one of them is, and names those. An empty dict: there is nothing to judge.
"""

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, Generic, TypeVar

import msgspec

from agent.discovery import modules_of
from wire.conditions import Severity, Status

R = TypeVar("R")
Count = Annotated[int, msgspec.Meta(ge=1, le=1000)]
Fraction = Annotated[float, msgspec.Meta(ge=0, le=1)]


class Clears(StrEnum):
    """What ends a fault once it was seen. A person's word (``mainstay node clear``) ends any."""

    FACT = "fact"  # that it is no longer so
    REBOOT = "reboot"  # that it is no longer so after a reboot
    PERSON = "person"  # a person's word and nothing else


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
    """``hides``: the worst that may hide behind an UNKNOWN. INFO where the thing is not to be told here at all (a
    library, a tool, a right that is missing) or another condition tells of it; else a fault of that severity may be
    there. It stays on the node, and says whether a node that comes back can be trusted."""

    status: Status
    severity: Severity
    reason: str  # a word of an enum
    message: str
    suggested_action: str = ""
    hides: Severity = Severity.INFO


Judged = Verdict | Mapping[str, Verdict]


@dataclass(frozen=True)
class Check:
    """A check as it was found; ``judge`` takes an instance of ``thresholds``."""

    name: str
    condition: str
    reads: tuple[str, ...]
    window: int
    thresholds: type[Steadiness]
    judge: Callable[[Sequence[Timed[Any]], Any], Judged]
    clears: Clears
    action: str
    worst: Severity = Severity.CRITICAL


def healthy(reason: StrEnum, message: str) -> Verdict:
    return Verdict(Status.FALSE, Severity.INFO, reason, message)


def fault(severity: Severity, reason: StrEnum, message: str, suggested_action: str) -> Verdict:
    return Verdict(Status.TRUE, severity, reason, message, suggested_action)


def discover() -> dict[str, Check]:
    """Every check of this package, by name."""
    modules = modules_of(sys.modules[__name__], having="judge")
    return {name: check(name, module) for name, module in modules.items()}


def check(name: str, module: Any) -> Check:
    """``module`` defines a check, as said above."""
    return Check(
        name=name,
        condition=module.TYPE,
        reads=(module.READS,) if isinstance(module.READS, str) else tuple(module.READS),
        window=module.WINDOW,
        thresholds=module.Thresholds,
        judge=module.judge,
        clears=getattr(module, "CLEARS", Clears.FACT),
        action=module.ACTION,
        worst=getattr(module, "WORST", Severity.CRITICAL),
    )

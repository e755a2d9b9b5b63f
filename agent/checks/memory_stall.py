"""All tasks of the machine wait for memory."""

from collections.abc import Mapping, Sequence
from enum import StrEnum

from agent.checks import Count, Fraction, Steadiness, Timed, Verdict, fault, healthy
from agent.sensors.pressure import Reading
from wire.conditions import Severity

TYPE = "MemoryStall"
READS = "pressure"
WINDOW = 1
ACTION = "look for processes that belong to no job; the kernel reclaims memory and does little else"


class Thresholds(Steadiness, frozen=True):
    """Shares of the last minute in which no task could go on, for want of memory.

    ``critical``: systemd-oomd's DefaultMemoryPressureLimit, 60 %, where it begins to kill (oomd.conf(5)).
    ``warning``: a tenth, our judgement: every step takes that much longer.
    """

    warning: Fraction = 0.10
    critical: Fraction = 0.60
    bad: Count = 3
    of: Count = 4
    good: Count = 3


class Reason(StrEnum):
    MEMORY_FLOWS = "memory_flows"
    MEMORY_STALLS = "memory_stalls"


def judge(window: Sequence[Timed[Reading]], thresholds: Thresholds) -> Verdict | Mapping[str, Verdict]:
    full = window[-1].reading.memory.full
    if full is None:
        return {}
    message = f"for {full.avg60:.0%} of the last minute nothing went on for want of memory"
    if full.avg60 > thresholds.critical:
        return fault(Severity.CRITICAL, Reason.MEMORY_STALLS, message, ACTION)
    if full.avg60 > thresholds.warning:
        return fault(Severity.WARNING, Reason.MEMORY_STALLS, message, ACTION)
    return healthy(Reason.MEMORY_FLOWS, message)

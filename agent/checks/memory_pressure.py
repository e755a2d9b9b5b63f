"""Too little memory left."""

from collections.abc import Sequence
from enum import StrEnum

from agent.checks import Count, Fraction, Steadiness, Timed, Verdict, fault, healthy
from agent.sensors.memory import Reading
from wire.conditions import Severity

TYPE = "MemoryPressure"
READS = "memory"
WINDOW = 1
ACTION = "look for processes that belong to no job"
GIB = 2**30


class Thresholds(Steadiness, frozen=True):
    """``warning`` and ``critical`` are fractions of the memory, without what is set aside as huge pages; less available
    is a fault.

    Warning: node_exporter's mixin, alert NodeMemoryHighUtilization (10 % left). Critical: 2 % left, where the
    kernel's OOM killer is near.
    """

    warning: Fraction = 0.10
    critical: Fraction = 0.02
    bad: Count = 3
    of: Count = 5
    good: Count = 3


class Reason(StrEnum):
    MEMORY_ENOUGH = "memory_enough"
    MEMORY_LOW = "memory_low"
    MEMORY_EXHAUSTED = "memory_exhausted"


def judge(window: Sequence[Timed[Reading]], thresholds: Thresholds) -> Verdict:
    reading = window[-1].reading
    usable = max(reading.total - reading.huge_bytes, 1)
    available = reading.available / usable
    message = f"{reading.available / GIB:.1f} of {usable / GIB:.1f} GiB available ({available:.0%})"
    if available >= thresholds.warning:
        return healthy(Reason.MEMORY_ENOUGH, message)
    if available >= thresholds.critical:
        return fault(Severity.WARNING, Reason.MEMORY_LOW, message, ACTION)
    return fault(Severity.CRITICAL, Reason.MEMORY_EXHAUSTED, message, ACTION)

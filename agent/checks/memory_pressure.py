"""Too little memory left."""

from collections.abc import Sequence
from enum import StrEnum

from agent.checks import Count, Fraction, Steadiness, Timed, Verdict, healthy
from agent.sensors.memory import Reading
from wire.conditions import Severity, Status

TYPE = "MemoryPressure"
READS = "memory"
WINDOW = 1
GIB = 2**30


class Thresholds(Steadiness, frozen=True):
    """``warning`` and ``critical`` are fractions of the memory; less available is a fault.

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
    available = reading.available / max(reading.total, 1)
    message = f"{reading.available / GIB:.1f} of {reading.total / GIB:.1f} GiB available ({available:.0%})"
    if available >= thresholds.warning:
        return healthy(Reason.MEMORY_ENOUGH, message)
    action = "look for processes that belong to no job"
    if available >= thresholds.critical:
        return Verdict(Status.TRUE, Severity.WARNING, Reason.MEMORY_LOW, message, action)
    return Verdict(Status.TRUE, Severity.CRITICAL, Reason.MEMORY_EXHAUSTED, message, action)

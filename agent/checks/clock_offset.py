"""A clock that is wrong, by the time service's own account."""

from collections.abc import Sequence
from enum import StrEnum

from agent.checks import Count, Steadiness, Timed, Verdict, fault, healthy
from agent.sensors.clock import Reading
from wire.conditions import Severity

TYPE = "ClockOffset"
READS = "clock"
WINDOW = 1
WORST = Severity.WARNING
ACTION = "look at the time service (chronyc tracking, timedatectl) and the servers it names"


class Thresholds(Steadiness, frozen=True):
    """TRUE when the kernel or chrony still has more than ``seconds`` to correct. Default: node_exporter's mixin, alert
    NodeClockSkewDetected (50 ms for 10 minutes)."""

    seconds: float = 0.05
    bad: Count = 8
    of: Count = 10
    good: Count = 2


class Reason(StrEnum):
    CLOCK_RIGHT = "clock_right"
    CLOCK_WRONG = "clock_wrong"


def judge(window: Sequence[Timed[Reading]], thresholds: Thresholds) -> Verdict:
    offset = window[-1].reading.offset_s
    message = f"the clock is {abs(offset) * 1000:.1f} ms {'behind' if offset > 0 else 'ahead'}"
    if not abs(offset) > thresholds.seconds:
        return healthy(Reason.CLOCK_RIGHT, message)
    limit = f"limit {thresholds.seconds * 1000:g} ms"
    return fault(Severity.WARNING, Reason.CLOCK_WRONG, f"{message}, {limit}", ACTION)

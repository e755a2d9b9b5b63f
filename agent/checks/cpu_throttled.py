"""Processors that heat or power hold back."""

from collections.abc import Mapping, Sequence
from enum import StrEnum

from agent.checks import Count, Steadiness, Timed, Verdict, fault, healthy
from agent.sensors.cpu_clock import Reading
from wire.conditions import Severity

TYPE = "CpuThrottled"
READS = "cpu_clock"
WINDOW = 2
WORST = Severity.WARNING
ACTION = "look at fans, air flow and the room's temperature"


class Thresholds(Steadiness, frozen=True):
    """TRUE when more than ``per_minute`` events came between two looks, three times in five.

    Default: any event. Intel counts how often a core or package reached its limit (kernel's thermal_throttle); a
    healthy machine doesn't. That it must go on for minutes is our judgement: a single burst costs a step nothing.
    """

    per_minute: float = 0.0
    bad: Count = 3
    of: Count = 5
    good: Count = 5


class Reason(StrEnum):
    NOT_THROTTLED = "not_throttled"
    THROTTLED = "throttled"


def judge(window: Sequence[Timed[Reading]], thresholds: Thresholds) -> Verdict | Mapping[str, Verdict]:
    """Nothing for a processor that doesn't count it."""
    before, now = _events(window[0].reading), _events(window[-1].reading)
    if before is None or now is None:
        return {}
    minutes = max((window[-1].at - window[0].at) / 60, 1 / 60)
    message = f"held back by heat {max(now - before, 0)} times in {minutes:.1f} minutes"
    if not (now - before) / minutes > thresholds.per_minute:
        return healthy(Reason.NOT_THROTTLED, message)
    return fault(Severity.WARNING, Reason.THROTTLED, message, ACTION)


def _events(reading: Reading) -> int | None:
    if reading.throttled_core is None:
        return reading.throttled_package
    return reading.throttled_core + (reading.throttled_package or 0)

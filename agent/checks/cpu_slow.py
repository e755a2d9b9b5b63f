"""Processors that have work and run far below what they can."""

from collections.abc import Mapping, Sequence
from enum import StrEnum

from agent.checks import Count, Fraction, Steadiness, Timed, Verdict, fault, healthy
from agent.sensors.cpu_clock import Reading
from wire.conditions import Severity

TYPE = "CpuSlow"
READS = "cpu_clock"
WINDOW = 2
WORST = Severity.WARNING
ACTION = "look at the BMC: a lost power supply, or heat, holds them back (PROCHOT); a cold start often ends it"
GHZ = 1e9


class Thresholds(Steadiness, frozen=True):
    """TRUE when processors were busy for more than ``busy`` of the time, and even the fastest of those looked at ran
    below ``share`` of the hardware's highest frequency, for minutes.

    Default: our judgement. Under the heaviest instructions server processors keep their base frequency, half of the
    highest or more (data sheets of Intel's 4th generation Xeon and of AMD's 9004); held back from outside (PROCHOT)
    they fall to the lowest, 400 to 1500 MHz. Idle ones are slow because nobody asks them for more.
    """

    share: Fraction = 0.40
    busy: Fraction = 0.25
    bad: Count = 3
    of: Count = 4
    good: Count = 2


class Reason(StrEnum):
    CLOCK_FAST = "clock_fast"
    IDLE = "idle"
    CLOCK_LOW = "clock_low"


def judge(window: Sequence[Timed[Reading]], thresholds: Thresholds) -> Verdict | Mapping[str, Verdict]:
    """Nothing where frequencies are not told."""
    before, now = window[0].reading, window[-1].reading
    busy = _busy(before, now)
    if now.fastest_hz is None or not now.hardware_hz or busy is None:
        return {}
    message = f"{now.fastest_hz / GHZ:.1f} of {now.hardware_hz / GHZ:.1f} GHz, {busy:.0%} busy"
    if now.fastest_hz >= thresholds.share * now.hardware_hz:
        return healthy(Reason.CLOCK_FAST, message)
    if busy <= thresholds.busy:
        return healthy(Reason.IDLE, message)
    return fault(Severity.WARNING, Reason.CLOCK_LOW, message, ACTION)


def _busy(before: Reading, now: Reading) -> float | None:
    if before.idle_s is None or before.time_s is None or now.idle_s is None or now.time_s is None:
        return None
    passed = now.time_s - before.time_s
    return 1 - (now.idle_s - before.idle_s) / passed if passed > 0 else None

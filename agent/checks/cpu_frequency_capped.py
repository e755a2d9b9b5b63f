"""Processors that policy lets run slower than the hardware can."""

from collections.abc import Mapping, Sequence
from enum import StrEnum

from agent.checks import Count, Fraction, Steadiness, Timed, Verdict, fault, healthy
from agent.sensors.cpu_clock import Reading
from wire.conditions import Severity

TYPE = "CpuFrequencyCapped"
READS = "cpu_clock"
WINDOW = 1
WORST = Severity.WARNING
ACTION = "look at the power profile of firmware and system: they allow less than the hardware can"
GHZ = 1e9


class Thresholds(Steadiness, frozen=True):
    """TRUE when the highest frequency allowed is below ``share`` of the hardware's highest.

    Default: our judgement. A cap at the base frequency (turbo off) is about 0.6 and often meant; half of what the
    hardware can is a platform in trouble (a power supply lost, a firmware's emergency limit).
    """

    share: Fraction = 0.5
    bad: Count = 2
    of: Count = 3


class Reason(StrEnum):
    FREQUENCY_FREE = "frequency_free"
    FREQUENCY_CAPPED = "frequency_capped"


def judge(window: Sequence[Timed[Reading]], thresholds: Thresholds) -> Verdict | Mapping[str, Verdict]:
    reading = window[-1].reading
    if reading.limit_hz is None or not reading.hardware_hz:
        return {}
    message = f"at most {reading.limit_hz / GHZ:.1f} of {reading.hardware_hz / GHZ:.1f} GHz allowed"
    if reading.limit_hz >= thresholds.share * reading.hardware_hz:
        return healthy(Reason.FREQUENCY_FREE, message)
    return fault(Severity.WARNING, Reason.FREQUENCY_CAPPED, message, ACTION)

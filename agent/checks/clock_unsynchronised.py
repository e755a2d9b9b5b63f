"""A clock that nothing keeps right."""

from collections.abc import Sequence
from enum import StrEnum

from agent.checks import Count, Steadiness, Timed, Verdict, fault, healthy
from agent.sensors.clock import Reading
from wire.conditions import Severity

TYPE = "ClockUnsynchronised"
READS = "clock"
WINDOW = 1
WORST = Severity.WARNING
ACTION = "look at the time service (chronyc tracking, timedatectl) and the servers it names"


class Thresholds(Steadiness, frozen=True):
    """TRUE when the kernel takes its clock for unsynchronised and for wrong by ``max_error_s`` or more.

    Default: node_exporter's mixin, alert NodeClockNotSynchronising (16 s, the kernel's largest, for 10 minutes).
    A clock that no service has steered since boot is left alone unless ``required``: a virtual machine's may be its
    host's.
    """

    max_error_s: float = 16.0
    required: bool = False
    bad: Count = 10
    of: Count = 10
    good: Count = 2


class Reason(StrEnum):
    SYNCHRONISED = "synchronised"
    NEVER_STEERED = "never_steered"
    UNSYNCHRONISED = "unsynchronised"


def judge(window: Sequence[Timed[Reading]], thresholds: Thresholds) -> Verdict:
    reading = window[-1].reading
    message = f"the clock may be wrong by {reading.max_error_s:.3g} s"
    if reading.synchronised or reading.max_error_s < thresholds.max_error_s:
        return healthy(Reason.SYNCHRONISED, message)
    if not reading.disciplined and not thresholds.required:
        return healthy(Reason.NEVER_STEERED, "no time service has steered the clock since boot")
    return fault(Severity.WARNING, Reason.UNSYNCHRONISED, message, ACTION)

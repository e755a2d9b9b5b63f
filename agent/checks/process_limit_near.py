"""Hardly any process or thread can be started any more."""

from collections.abc import Mapping, Sequence
from enum import StrEnum

from agent.checks import Count, Fraction, Steadiness, Timed, Verdict, fault, healthy
from agent.sensors.processes import Reading
from wire.conditions import Severity

TYPE = "ProcessLimitNear"
READS = "processes"
WINDOW = 1
ACTION = "see who starts them (ps -eLf); raise kernel.pid_max and kernel.threads-max"


class Thresholds(Steadiness, frozen=True):
    """``warning`` and ``critical``: threads of all processes as shares of the smaller of kernel.pid_max
    and kernel.threads-max. No public number: the shares that node_exporter's mixin takes for file descriptors
    (70 % and 90 %)."""

    warning: Fraction = 0.70
    critical: Fraction = 0.90
    bad: Count = 2
    of: Count = 3


class Reason(StrEnum):
    PROCESSES_FEW = "processes_few"
    PROCESSES_MANY = "processes_many"


def judge(window: Sequence[Timed[Reading]], thresholds: Thresholds) -> Verdict | Mapping[str, Verdict]:
    reading = window[-1].reading
    if reading.threads_most <= 0:
        return {}
    message = f"{reading.threads} of {reading.threads_most} threads there can be"
    if reading.threads <= thresholds.warning * reading.threads_most:
        return healthy(Reason.PROCESSES_FEW, message)
    severity = Severity.CRITICAL if reading.threads > thresholds.critical * reading.threads_most else Severity.WARNING
    return fault(severity, Reason.PROCESSES_MANY, message, ACTION)

"""Hardly any file can be opened any more, on the machine or by a process."""

from collections.abc import Mapping, Sequence
from enum import StrEnum

from agent.checks import Count, Fraction, Steadiness, Timed, Verdict, fault, healthy
from agent.sensors.processes import Reading
from wire.conditions import Severity

TYPE = "FileDescriptorsLow"
READS = "processes"
WINDOW = 1
ACTION = "see who has them (lsof); raise fs.file-max, or the process's LimitNOFILE"
MACHINE = "machine"


class Thresholds(Steadiness, frozen=True):
    """``warning`` and ``critical`` are shares of the limit. Defaults: node_exporter's mixin, alert
    NodeFileDescriptorLimit (70 % and 90 %). For processes: those that ``[sensors.processes] descriptors_of`` names."""

    warning: Fraction = 0.70
    critical: Fraction = 0.90
    bad: Count = 2
    of: Count = 3


class Reason(StrEnum):
    DESCRIPTORS_ENOUGH = "descriptors_enough"
    DESCRIPTORS_LOW = "descriptors_low"


def judge(window: Sequence[Timed[Reading]], thresholds: Thresholds) -> Mapping[str, Verdict]:
    """``machine``, and processes as ``NAME[PID]``; one without a limit, or that may not be told, is left out."""
    reading = window[-1].reading
    found = {f"{process.name}[{process.pid}]": (process.files, process.most) for process in reading.open}
    found[MACHINE] = (reading.files, reading.files_most)
    return {name: _judge(used, most, thresholds) for name, (used, most) in found.items() if used is not None and most}


def _judge(used: int, most: int, thresholds: Thresholds) -> Verdict:
    message = f"{used} of {most} file descriptors in use"
    if used <= thresholds.warning * most:
        return healthy(Reason.DESCRIPTORS_ENOUGH, message)
    severity = Severity.CRITICAL if used > thresholds.critical * most else Severity.WARNING
    return fault(severity, Reason.DESCRIPTORS_LOW, message, ACTION)

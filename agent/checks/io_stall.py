"""All tasks of the machine wait for I/O, for long."""

from collections.abc import Mapping, Sequence
from enum import StrEnum

from agent.checks import Count, Fraction, Steadiness, Timed, Verdict, fault, healthy
from agent.sensors.pressure import Reading
from wire.conditions import Severity

TYPE = "IoStall"
READS = "pressure"
WINDOW = 1
WORST = Severity.WARNING
ACTION = "look at DiskSlow, DiskStuck and MountDead, and at what reads or writes (iotop)"


class Thresholds(Steadiness, frozen=True):
    """TRUE when for more than ``share`` of the last five minutes every task that could run waited for I/O.

    Default: 80 %, our judgement: a checkpoint's write is as heavy for a minute or two, not for five. Never critical: it
    is a node's slowness and no proof of a fault.
    """

    share: Fraction = 0.80
    bad: Count = 3
    of: Count = 4
    good: Count = 3


class Reason(StrEnum):
    IO_FLOWS = "io_flows"
    IO_STALLS = "io_stalls"


def judge(window: Sequence[Timed[Reading]], thresholds: Thresholds) -> Verdict | Mapping[str, Verdict]:
    full = window[-1].reading.io.full
    if full is None:
        return {}
    message = f"for {full.avg300:.0%} of five minutes everything waited for I/O"
    if not full.avg300 > thresholds.share:
        return healthy(Reason.IO_FLOWS, message)
    return fault(Severity.WARNING, Reason.IO_STALLS, message, ACTION)

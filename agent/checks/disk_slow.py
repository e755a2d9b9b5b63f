"""A disk whose requests take too long."""

from collections.abc import Mapping, Sequence
from enum import StrEnum

from agent.checks import Count, Steadiness, Timed, Verdict, fault, healthy
from agent.sensors.disk_io import Disk, Reading
from wire.conditions import Severity

TYPE = "DiskSlow"
READS = "disk_io"
WINDOW = 2
WORST = Severity.WARNING
ACTION = "look at what reads and writes there (iotop), at its cable and its health (smartctl -a)"


class Thresholds(Steadiness, frozen=True):
    """TRUE when requests took longer than ``milliseconds`` on average and at least ``least`` were done, for minutes.

    Default: 100 ms, HostUnusualDiskReadLatency and HostUnusualDiskWriteLatency of
    https://samber.github.io/awesome-prometheus-alerts/rules.html. Warning only: a disk under a checkpoint is slow too.
    """

    milliseconds: float = 100.0
    least: Count = 20
    bad: Count = 16
    of: Count = 20
    good: Count = 5


class Reason(StrEnum):
    DISK_QUICK = "disk_quick"
    DISK_SLOW = "disk_slow"


def judge(window: Sequence[Timed[Reading]], thresholds: Thresholds) -> Mapping[str, Verdict]:
    """By disk."""
    before = {disk.name: disk for disk in window[0].reading.disks}
    now = window[-1].reading.disks
    return {disk.name: _judge(before[disk.name], disk, thresholds) for disk in now if disk.name in before}


def _judge(before: Disk, now: Disk, thresholds: Thresholds) -> Verdict:
    done = (now.reads + now.writes) - (before.reads + before.writes)
    seconds = (now.read_s + now.write_s) - (before.read_s + before.write_s)
    took = seconds * 1000 / done if done > 0 else 0.0
    message = f"{max(done, 0)} requests took {max(took, 0.0):.1f} ms each"
    if done < thresholds.least or not took > thresholds.milliseconds:
        return healthy(Reason.DISK_QUICK, message)
    limit = f"limit {thresholds.milliseconds:g} ms"
    return fault(Severity.WARNING, Reason.DISK_SLOW, f"{message}, {limit}", ACTION)

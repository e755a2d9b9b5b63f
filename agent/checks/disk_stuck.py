"""A disk that has requests and answers none."""

from collections.abc import Mapping, Sequence
from enum import StrEnum

from agent.checks import Steadiness, Timed, Verdict, fault, healthy
from agent.sensors.disk_io import Disk, Reading
from wire.conditions import Severity

TYPE = "DiskStuck"
READS = "disk_io"
WINDOW = 1
ACTION = "look at the kernel log for timeouts and resets of the disk; take the node out"


class Thresholds(Steadiness, frozen=True):
    """TRUE when requests have waited for ``seconds`` and none was answered. Default: half as long again as the kernel
    lets a request take, 30 s for NVMe (nvme_core.io_timeout) and for SCSI, before it resets the disk
    (https://docs.kernel.org/admin-guide/kernel-parameters.html)."""

    seconds: float = 45.0


class Reason(StrEnum):
    DISK_ANSWERS = "disk_answers"
    DISK_SILENT = "disk_silent"


def judge(window: Sequence[Timed[Reading]], thresholds: Thresholds) -> Mapping[str, Verdict]:
    """By disk."""
    return {disk.name: _judge(disk, thresholds) for disk in window[-1].reading.disks}


def _judge(disk: Disk, thresholds: Thresholds) -> Verdict:
    if not disk.silent_s >= thresholds.seconds:
        return healthy(Reason.DISK_ANSWERS, f"{disk.in_flight} requests wait")
    message = f"{disk.in_flight} requests wait, none was answered in {disk.silent_s:.0f} s"
    return fault(Severity.CRITICAL, Reason.DISK_SILENT, message, ACTION)

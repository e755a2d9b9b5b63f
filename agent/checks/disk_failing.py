"""A disk that says of itself that it fails, or loses data."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Annotated

import msgspec

from agent.checks import Steadiness, Timed, Verdict, fault, healthy
from agent.sensors.smart import Disk, Reading
from wire.conditions import Severity, Status

TYPE = "DiskFailing"
READS = "smart"
WINDOW = 1
ACTION = "move its data and replace the disk"
SPARE, TEMPERATURE, RELIABILITY, READ_ONLY, BACKUP, MEMORY = range(6)
WARNINGS = {
    SPARE: "its reserve is used up",
    RELIABILITY: "it is no longer reliable",
    READ_ONLY: "it can only be read",
    BACKUP: "its protection against power loss failed",
    MEMORY: "its memory for persistent data failed",
}


class Thresholds(Steadiness, frozen=True):
    """Critical: the disk's own verdict (ATA SMART status; NVMe's Critical Warning but for its bit 1, which is heat), or
    a reserve below the threshold that the disk names (NVMe Base Specification 2.0, SMART / Health Information log).

    Warning: more than ``sectors`` that can't be read (attributes 197 and 198: the first ones raise the odds of failing
    within weeks tenfold and more; Pinheiro, Weber, Barroso, "Failure Trends in a Large Disk Drive Population", FAST
    2007).
    """

    sectors: Annotated[int, msgspec.Meta(ge=0)] = 0


class Reason(StrEnum):
    DISK_SOUND = "disk_sound"
    DISK_FAILS = "disk_fails"
    SPARE_LOW = "spare_low"
    SECTORS_UNREADABLE = "sectors_unreadable"
    NOT_ASKED = "not_asked"


def judge(window: Sequence[Timed[Reading]], thresholds: Thresholds) -> Mapping[str, Verdict]:
    """By disk. One that could not be asked is unknown."""
    return {disk.name: _judge(disk, thresholds) for disk in window[-1].reading.disks}


def _judge(disk: Disk, thresholds: Thresholds) -> Verdict:
    if disk.passed is None:
        return Verdict(Status.UNKNOWN, Severity.INFO, Reason.NOT_ASKED, disk.error or "does not tell")
    name = disk.model or disk.name
    said = [words for bit, words in WARNINGS.items() if (disk.critical_warning or 0) >> bit & 1]
    if said or not (disk.passed or _only_hot(disk)):
        message = f"{name}: {'; '.join(said) or 'it says that it fails'}"
        return fault(Severity.CRITICAL, Reason.DISK_FAILS, message, ACTION)
    if disk.spare is not None and disk.spare_least is not None and disk.spare < disk.spare_least:
        message = f"{name}: {disk.spare:.0%} of its reserve left, it needs {disk.spare_least:.0%}"
        return fault(Severity.CRITICAL, Reason.SPARE_LOW, message, ACTION)
    unreadable = max(disk.pending or 0, disk.uncorrectable or 0)
    if unreadable > thresholds.sectors:
        message = f"{name}: {unreadable} sectors can't be read"
        return fault(Severity.WARNING, Reason.SECTORS_UNREADABLE, message, ACTION)
    return healthy(Reason.DISK_SOUND, name)


def _only_hot(disk: Disk) -> bool:
    """smartctl takes any warning for a failure."""
    return disk.critical_warning == 1 << TEMPERATURE

"""A disk near the end of what its maker rated it for, or one that has lost data before."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Annotated

import msgspec

from agent.checks import Steadiness, Timed, Verdict, fault, healthy
from agent.sensors.smart import Disk, Reading
from wire.conditions import Severity

TYPE = "DiskWorn"
READS = "smart"
WINDOW = 1
WORST = Severity.WARNING
ACTION = "plan for its replacement"


class Thresholds(Steadiness, frozen=True):
    """TRUE when more than ``used`` of the rated endurance is used up (NVMe's Percentage Used, which reads 100 % at its
    end and goes on; NVMe Base Specification 2.0, SMART / Health Information log), more than ``media_errors`` happened
    (smartctl_exporter's mixin, alert SmartMediaErrors: any), or more than ``reallocated`` sectors were replaced (our
    judgement: some are usual in an old disk)."""

    used: Annotated[float, msgspec.Meta(ge=0)] = 1.0
    media_errors: Annotated[int, msgspec.Meta(ge=0)] = 0
    reallocated: Annotated[int, msgspec.Meta(ge=0)] = 100


class Reason(StrEnum):
    DISK_FRESH = "disk_fresh"
    ENDURANCE_USED = "endurance_used"
    MEDIA_ERRORS = "media_errors"
    SECTORS_REPLACED = "sectors_replaced"


def judge(window: Sequence[Timed[Reading]], thresholds: Thresholds) -> Mapping[str, Verdict]:
    """By disk; what could not be asked is left out, DiskFailing tells of it."""
    return {disk.name: _judge(disk, thresholds) for disk in window[-1].reading.disks if disk.passed is not None}


def _judge(disk: Disk, thresholds: Thresholds) -> Verdict:
    name, media, replaced = disk.model or disk.name, disk.media_errors or 0, disk.reallocated or 0
    if media > thresholds.media_errors:
        message = f"{name}: {media} times data could not be read back"
        return fault(Severity.WARNING, Reason.MEDIA_ERRORS, message, ACTION)
    if disk.used is not None and disk.used >= thresholds.used:
        message = f"{name}: {disk.used:.0%} of its rated endurance used up"
        return fault(Severity.WARNING, Reason.ENDURANCE_USED, message, ACTION)
    if replaced > thresholds.reallocated:
        message = f"{name}: {replaced} sectors were replaced"
        return fault(Severity.WARNING, Reason.SECTORS_REPLACED, message, ACTION)
    return healthy(Reason.DISK_FRESH, name)

"""An array (md) that lacks one of its disks."""

from collections.abc import Mapping, Sequence
from enum import StrEnum

from agent.checks import Count, Steadiness, Timed, Verdict, fault, healthy
from agent.sensors.disk_io import Reading
from wire.conditions import Severity

TYPE = "RaidDegraded"
READS = "disk_io"
WINDOW = 1
WORST = Severity.WARNING
ACTION = "see which disk is gone (cat /proc/mdstat) and replace it: the next one takes the data"


class Thresholds(Steadiness, frozen=True):
    """Any disk lacking, as node_exporter's mixin, alert NodeRAIDDegraded
    (https://docs.kernel.org/admin-guide/md.html, ``degraded``)."""

    bad: Count = 2
    of: Count = 2


class Reason(StrEnum):
    RAID_COMPLETE = "raid_complete"
    RAID_DEGRADED = "raid_degraded"


def judge(window: Sequence[Timed[Reading]], thresholds: Thresholds) -> Mapping[str, Verdict]:  # noqa: ARG001
    """By array."""
    arrays = [(disk.name, disk.degraded) for disk in window[-1].reading.disks]
    return {name: _judge(lacking) for name, lacking in arrays if lacking is not None}


def _judge(lacking: int) -> Verdict:
    if lacking <= 0:
        return healthy(Reason.RAID_COMPLETE, "complete")
    return fault(Severity.WARNING, Reason.RAID_DEGRADED, f"lacks {lacking} disks", ACTION)

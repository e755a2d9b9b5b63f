"""A file system that must be mounted is not."""

from collections.abc import Mapping, Sequence
from enum import StrEnum

from agent.checks import Count, Steadiness, Timed, Verdict, fault, healthy
from agent.sensors.disk import Reading, State
from wire.conditions import Severity

TYPE = "MountMissing"
READS = "disk"
WINDOW = 1
ACTION = "mount it (systemctl status of its mount unit says why it isn't); jobs find an empty directory there"


class Thresholds(Steadiness, frozen=True):
    """What must be mounted is said in ``[sensors.disk] required``, as to NHC's check_fs_mount
    (https://github.com/mej/nhc#check_fs_mount). Two looks: a remount is a moment's work."""

    bad: Count = 2
    of: Count = 2


class Reason(StrEnum):
    MOUNTED = "mounted"
    NOT_MOUNTED = "not_mounted"


def judge(window: Sequence[Timed[Reading]], thresholds: Thresholds) -> Mapping[str, Verdict]:  # noqa: ARG001
    """By mount point."""
    required = [mount for mount in window[-1].reading.mounts if mount.required]
    return {mount.path: _judge(mount.state) for mount in required}


def _judge(state: State) -> Verdict:
    if state is State.MISSING:
        return fault(Severity.CRITICAL, Reason.NOT_MOUNTED, "nothing is mounted there", ACTION)
    return healthy(Reason.MOUNTED, "mounted")

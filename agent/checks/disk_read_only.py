"""A file system that nobody can write any more."""

from collections.abc import Mapping, Sequence
from enum import StrEnum

from agent.checks import Clears, Steadiness, Timed, Verdict, fault, healthy
from agent.sensors.disk import Mount, Reading, State
from wire.conditions import Severity

TYPE = "DiskReadOnly"
READS = "disk"
WINDOW = 1
CLEARS = Clears.REBOOT
ACTION = "look at the kernel log for the error; check the file system (fsck) before the disk is used again"


class Thresholds(Steadiness, frozen=True):
    """Nothing to set: ext4 (errors=remount-ro) and btrfs turn read-only by themselves only after an error, and leave
    the mount's own options at rw; a mount that the node's configuration requires must be writable. One that a person
    made read-only (mount -o remount,ro), or that was mounted so, is no fault. As node-problem-detector's
    ReadonlyFilesystem
    (https://github.com/kubernetes/node-problem-detector/blob/master/config/readonly-monitor.json)."""


class Reason(StrEnum):
    WRITABLE = "writable"
    TURNED_READ_ONLY = "turned_read_only"


def judge(window: Sequence[Timed[Reading]], thresholds: Thresholds) -> Mapping[str, Verdict]:  # noqa: ARG001
    """By mount point; what is read-only because somebody asked for it is left out."""
    mounts = [mount for mount in window[-1].reading.mounts if mount.state is not State.MISSING]
    return {mount.path: _judge(mount) for mount in mounts if not mount.read_only or _wrong(mount)}


def _wrong(mount: Mount) -> bool:
    return mount.lost_writes or (mount.read_only and mount.required)


def _judge(mount: Mount) -> Verdict:
    if not _wrong(mount):
        return healthy(Reason.WRITABLE, "can be written")
    message = f"{mount.kind} of {mount.device} has turned read-only"
    return fault(Severity.CRITICAL, Reason.TURNED_READ_ONLY, message, ACTION)

"""Too little space, or too few inodes, on a file system."""

from collections.abc import Mapping, Sequence
from enum import StrEnum

from agent.checks import Fraction, Steadiness, Timed, Verdict, fault, healthy
from agent.sensors.disk import Mount, Reading
from wire.conditions import Severity, Status

TYPE = "DiskFull"
READS = "disk"
WINDOW = 1
ACTION = "free space there, or take the node out"
GIB = 2**30
BESIDE = ("/boot", "/efi", "/media", "/run/media", "/dev/shm")  # noqa: S108 - judged, not written


class Thresholds(Steadiness, frozen=True):
    """``warning`` and ``critical`` are fractions of space and of inodes; less free is a fault.

    Defaults: node_exporter's mixin, alerts NodeFilesystemAlmostOutOfSpace and NodeFilesystemAlmostOutOfFiles (warning
    5 %, critical 3 %). ``plenty_gib`` free is enough whatever the fraction: 3 % of 30 TB is no emergency.

    At most a warning, our judgement: what is shared, for a full server must not take every node out of work; the boot
    loader's partitions and removable media, which no work needs; /dev/shm, which is the jobs' own memory (NCCL, data
    loaders) and is freed with what they leave there: neither taking the node out nor a reboot mends the job.
    """

    warning: Fraction = 0.05
    critical: Fraction = 0.03
    plenty_gib: float = 64.0


class Reason(StrEnum):
    SPACE_ENOUGH = "space_enough"
    SPACE_LOW = "space_low"
    INODES_LOW = "inodes_low"
    NOT_ANSWERED = "not_answered"


def judge(window: Sequence[Timed[Reading]], thresholds: Thresholds) -> Mapping[str, Verdict]:
    """By mount point. One that can't be written is left out, since nothing can fill it; one that doesn't answer is
    unknown, and MountDead tells of it; what isn't mounted is left out."""
    judged = {mount.path: _judge(mount, thresholds) for mount in window[-1].reading.mounts if not mount.read_only}
    return {path: verdict for path, verdict in judged.items() if verdict is not None}


def _judge(mount: Mount, thresholds: Thresholds) -> Verdict | None:
    """None where nothing can be said: not mounted, or a file system that keeps no account (autofs, some FUSE)."""
    if mount.state == "missing":
        return None
    if mount.bytes is None or mount.bytes_free is None:
        return Verdict(Status.UNKNOWN, Severity.INFO, Reason.NOT_ANSWERED, "does not answer")
    if not mount.bytes:
        return None
    left = f"{mount.bytes_free / GIB:.1f} of {mount.bytes / GIB:.1f} GiB free"
    space, inodes = _space(mount.bytes, mount.bytes_free, thresholds), _inodes(mount, thresholds)
    if space is not None and inodes is not Severity.CRITICAL:
        return fault(_at_most(space, mount), Reason.SPACE_LOW, f"{left}, {_limit(space, thresholds)}", ACTION)
    if inodes is not None:
        message = f"{mount.inodes_free} of {mount.inodes} inodes free, {_limit(inodes, thresholds)}"
        return fault(_at_most(inodes, mount), Reason.INODES_LOW, message, ACTION)
    return healthy(Reason.SPACE_ENOUGH, left)


def _at_most(severity: Severity, mount: Mount) -> Severity:
    beside = any(mount.path == place or mount.path.startswith(f"{place}/") for place in BESIDE)
    return Severity.WARNING if mount.remote or beside else severity


def _limit(passed: Severity, thresholds: Thresholds) -> str:
    limit = thresholds.critical if passed is Severity.CRITICAL else thresholds.warning
    return f"limit {limit * 100:g} %"


def _space(whole: int, free: int, thresholds: Thresholds) -> Severity | None:
    return None if free >= thresholds.plenty_gib * GIB else _grade(free / whole, thresholds)


def _inodes(mount: Mount, thresholds: Thresholds) -> Severity | None:
    return _grade((mount.inodes_free or 0) / mount.inodes, thresholds) if mount.inodes else None


def _grade(free: float, thresholds: Thresholds) -> Severity | None:
    if free < thresholds.critical:
        return Severity.CRITICAL
    return Severity.WARNING if free < thresholds.warning else None

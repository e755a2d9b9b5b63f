"""Too little space, or too few inodes, on a file system."""

from collections.abc import Sequence
from enum import StrEnum

from agent.checks import Fraction, Steadiness, Timed, Verdict, healthy
from agent.sensors.disk import Mount, Reading
from wire.conditions import Severity, Status

TYPE = "DiskFull"
READS = "disk"
WINDOW = 1
GIB = 2**30


class Thresholds(Steadiness, frozen=True):
    """``warning`` and ``critical`` are fractions of space and of inodes; less free is a fault.

    Defaults: node_exporter's mixin, alerts NodeFilesystemAlmostOutOfSpace and NodeFilesystemAlmostOutOfFiles (warning
    5 %, critical 3 %). ``plenty_gib`` free is enough whatever the fraction: 3 % of 30 TB is no emergency.
    """

    warning: Fraction = 0.05
    critical: Fraction = 0.03
    plenty_gib: float = 64.0


class Reason(StrEnum):
    SPACE_ENOUGH = "space_enough"
    SPACE_LOW = "space_low"
    INODES_LOW = "inodes_low"


def judge(window: Sequence[Timed[Reading]], thresholds: Thresholds) -> Verdict:
    """The worst of all mounts."""
    verdicts = [verdict for mount in window[-1].reading.mounts for verdict in _judge(mount, thresholds)]
    faults = [verdict for verdict in verdicts if verdict.status is Status.TRUE]
    critical = [verdict for verdict in faults if verdict.severity is Severity.CRITICAL]
    if faults:
        return (critical or faults)[0]
    return healthy(Reason.SPACE_ENOUGH, "; ".join(verdict.message for verdict in verdicts))


def _judge(mount: Mount, thresholds: Thresholds) -> list[Verdict]:
    space = _grade(mount.bytes_free / max(mount.bytes, 1), thresholds)
    if mount.bytes_free >= thresholds.plenty_gib * GIB:
        space = None
    inodes = _grade(mount.inodes_free / mount.inodes, thresholds) if mount.inodes else None
    left = f"{mount.path}: {mount.bytes_free / GIB:.1f} of {mount.bytes / GIB:.1f} GiB free"
    files = f"{mount.path}: {mount.inodes_free} of {mount.inodes} inodes free"
    return [_verdict(space, Reason.SPACE_LOW, left), _verdict(inodes, Reason.INODES_LOW, files)]


def _grade(free: float, thresholds: Thresholds) -> Severity | None:
    if free < thresholds.critical:
        return Severity.CRITICAL
    return Severity.WARNING if free < thresholds.warning else None


def _verdict(severity: Severity | None, reason: Reason, message: str) -> Verdict:
    if severity is None:
        return healthy(Reason.SPACE_ENOUGH, message)
    return Verdict(Status.TRUE, severity, reason, message, "free space there, or take the node out")

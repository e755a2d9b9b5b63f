"""A mounted file system that doesn't answer, or only with errors."""

from collections.abc import Mapping, Sequence
from enum import StrEnum

from agent.checks import Steadiness, Timed, Verdict, fault, healthy
from agent.sensors.disk import Mount, Reading, State
from wire.conditions import Severity, Status

TYPE = "MountDead"
READS = "disk"
WINDOW = 1
ACTION = (
    "look at its server and the network: what touches it hangs until it answers. If it does not come back, drain the "
    "node first and only then unmount it (umount -l): what works there loses what it had not written"
)


class Thresholds(Steadiness, frozen=True):
    """TRUE when a file system has been silent for ``silent_s``, or answers with an error (a stale handle, a FUSE
    daemon that is gone). Default: our judgement; a loaded NFS server takes seconds, the NFS client itself waits 60 s
    before it asks again (timeo, nfs(5)).

    What is reached over a network or through a daemon is a warning, however long it lasts: its server's pause is seen
    by every node at once, and must not take them all out of work. A local one is critical."""

    silent_s: float = 20.0


class Reason(StrEnum):
    ANSWERS = "answers"
    SLOW = "slow"
    HANGS = "hangs"
    FAILS = "fails"


def judge(window: Sequence[Timed[Reading]], thresholds: Thresholds) -> Mapping[str, Verdict]:
    """By mount point."""
    mounts = [mount for mount in window[-1].reading.mounts if mount.state is not State.MISSING]
    return {mount.path: _judge(mount, thresholds) for mount in mounts}


def _judge(mount: Mount, thresholds: Thresholds) -> Verdict:
    """Silent for a short time says nothing yet."""
    if mount.state is State.FAILED:
        message = f"{mount.kind} of {mount.device}: {mount.error}"
        return fault(_severity(mount), Reason.FAILS, message, ACTION)
    if mount.state is State.ANSWERED:
        return healthy(Reason.ANSWERS, "answers")
    message = f"{mount.kind} of {mount.device} has been silent for {mount.silent_s:.0f} s"
    if mount.silent_s >= thresholds.silent_s:
        return fault(_severity(mount), Reason.HANGS, message, ACTION)
    return Verdict(Status.UNKNOWN, Severity.INFO, Reason.SLOW, message)


def _severity(mount: Mount) -> Severity:
    return Severity.WARNING if mount.remote else Severity.CRITICAL

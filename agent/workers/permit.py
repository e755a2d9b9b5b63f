"""Whether this node's own configuration allows a launch, whoever ordered it."""

import os
import stat
from collections.abc import Callable
from pathlib import Path

import msgspec

from agent.workers import account
from agent.workers.policy import WorkerPolicy
from wire.orders import LaunchAttempt, OutcomeReason, OutcomeStatus

NOT_TRIED = frozenset(
    {OutcomeReason.NOT_PERMITTED, OutcomeReason.NOT_FOUND, OutcomeReason.STOPPED_BEFORE, OutcomeReason.EXPIRED}
)


class Refusal(msgspec.Struct, frozen=True):
    reason: OutcomeReason
    message: str  # one line: the field and the mend

    @property
    def status(self) -> OutcomeStatus:
        return OutcomeStatus.REFUSED if self.reason in NOT_TRIED else OutcomeStatus.FAILED


def permit(launch: LaunchAttempt, policy: WorkerPolicy, node: str, *, any_user: bool) -> Refusal | None:
    """None when it is allowed. Looks at the file system, so that it can hang where a mount does.

    ``any_user``: workers can be made other users than this process.
    """
    return (
        _user(launch, policy, node, any_user)
        or _interpreter(launch, policy, node)
        or _below_roots("script", launch.script, policy, node)
        or _directory(launch, policy, node)
        or (_below_roots("checkpoint.dir", launch.checkpoint_dir, policy, node) if launch.checkpoint_dir else None)
        or _exists(launch, node)
    )


def _user(launch: LaunchAttempt, policy: WorkerPolicy, node: str, any_user: bool) -> Refusal | None:
    if launch.user not in policy.users:
        return _forbidden(
            f'user "{launch.user}" may not run jobs on {node}: add it to workers.users in agent.toml there'
        )
    found = account.find(launch.user)
    if found is None:
        return _missing(f'user "{launch.user}" does not exist on {node}: create it, or submit with another token')
    if found.uid == 0:
        return _forbidden("user: jobs never run as root; submit with a token bound to another user")
    if not any_user and os.geteuid() != found.uid:
        mend = "install the helper (mainstay install agent), or submit with a token bound to the agent's user"
        return _forbidden(
            f'user "{launch.user}": the agent on {node} has no root helper and can only use its own user; {mend}'
        )
    return None


def _interpreter(launch: LaunchAttempt, policy: WorkerPolicy, node: str) -> Refusal | None:
    if launch.interpreter in policy.interpreters:  # as written: "LINK/.." means one thing to us and another to exec
        return None
    mend = f'add "{launch.interpreter}" to workers.interpreters in agent.toml on {node}'
    return _forbidden(f"interpreter {launch.interpreter} is not allowed: {mend}")


def _directory(launch: LaunchAttempt, policy: WorkerPolicy, node: str) -> Refusal | None:
    """ "/", what a job file gets that names none, opens nothing and is always allowed."""
    return None if launch.directory == "/" else _below_roots("directory", launch.directory, policy, node)


def _below_roots(field: str, path: str, policy: WorkerPolicy, node: str) -> Refusal | None:
    resolved = Path(path).resolve()
    if any(resolved.is_relative_to(Path(root).resolve()) for root in policy.roots):
        return None
    shown = path if str(resolved) == path else f"{path} (really {resolved})"
    mend = f'add "{resolved.parent}" to workers.roots in agent.toml on {node}'
    return _forbidden(f"{field} {shown} lies below none of the allowed roots: {mend}")


def _exists(launch: LaunchAttempt, node: str) -> Refusal | None:
    if not _is_there(launch.interpreter, stat.S_ISREG):
        return _missing(f"interpreter {launch.interpreter}: no such file on {node}")
    if not _is_there(launch.script, stat.S_ISREG):
        return _missing(f"script {launch.script}: no such file on {node}; is it on storage every node sees?")
    if not _is_there(launch.directory, stat.S_ISDIR):
        return _missing(f"directory {launch.directory}: no such directory on {node}")
    return None


def _is_there(path: str, is_kind: Callable[[int], bool]) -> bool:
    """Also true when this process may not look (root on NFS): the shim tries it as the job's user."""
    try:
        return is_kind(os.stat(path).st_mode)
    except PermissionError:
        return True
    except OSError:
        return False


def _forbidden(message: str) -> Refusal:
    return Refusal(OutcomeReason.NOT_PERMITTED, message)


def _missing(message: str) -> Refusal:
    return Refusal(OutcomeReason.NOT_FOUND, message)

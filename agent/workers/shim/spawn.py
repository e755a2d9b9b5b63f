"""Starts one process as the worker's user. The shim has no threads, so plain fork and exec are safe."""

import os
import resource
import signal
from typing import NoReturn

from agent.workers.shim import capabilities
from agent.workers.shim.environment import command, environment
from agent.workers.shim.group import Group
from agent.workers.shim.records import Spec

EXIT_NOT_STARTED = 127


def spawn(spec: Spec, local_rank: int | None, output: int, group: Group | None) -> tuple[int, int]:
    """The pid, and a descriptor that reads end-of-file once the program runs, or one line that says why it does not.

    All that can hang (a directory on a dead mount) happens in the child. Raises OSError when there is no fork.
    """
    read_end, write_end = os.pipe()
    try:
        pid = os.fork()
    except OSError:
        os.close(read_end)
        os.close(write_end)
        raise
    if pid == 0:
        _become_worker(spec, local_rank, output, write_end, group)
    os.close(write_end)
    return pid, read_end


def _become_worker(spec: Spec, local_rank: int | None, output: int, report: int, group: Group | None) -> NoReturn:
    try:
        if group is not None:
            group.enter()
        os.setsid()
        _plumb(output)
        _become_user(spec)
        _enter(spec)
        os.execve(spec.interpreter, command(spec), environment(spec, local_rank))  # noqa: S606 - there is no shell on purpose
    except BaseException as error:
        os.write(report, str(error).replace("\n", " ").encode()[:4000])
    finally:
        os._exit(EXIT_NOT_STARTED)


def _plumb(output: int) -> None:
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGTERM, signal.SIGCHLD, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.dup2(output, 1)
    os.dup2(output, 2)


def _become_user(spec: Spec) -> None:
    if spec.uid != os.geteuid():
        os.setgroups(spec.groups)
        os.setresgid(spec.gid, spec.gid, spec.gid)
        os.setresuid(spec.uid, spec.uid, spec.uid)
    if 0 in os.getresuid():
        raise PermissionError("workers never run as root")
    capabilities.drop_all()
    os.umask(0o022)
    for name, value in spec.limits.items():
        _limit(name, value)


def _limit(name: str, value: int) -> None:
    try:
        resource.setrlimit(getattr(resource, name), (value, value))
    except (OSError, ValueError) as error:
        raise ValueError(f"limits: {name} of {value} is more than the node allows ({error}); lower it") from None


def _enter(spec: Spec) -> None:
    """As the worker's user, so that its own rights decide, on NFS as well."""
    _need(spec.worker_dir, os.W_OK | os.X_OK, "open state_dir and its parents to passing through (chmod o+x)")
    _need(spec.pythonpath, os.R_OK | os.X_OK, "open state_dir and its parents to passing through (chmod o+x)")
    _need(spec.interpreter, os.X_OK, "let the user run it")
    _need(spec.script, os.R_OK, "let the user read it")
    _need(spec.directory, os.X_OK, "let the user enter it")
    os.chdir(spec.directory)
    if spec.checkpoint_dir:
        _make_checkpoint_dir(spec)


def _need(path: str, mode: int, mend: str) -> None:
    if not os.access(path, mode):
        raise PermissionError(f"{path}: not open to user {_user()}; {mend}")


def _make_checkpoint_dir(spec: Spec) -> None:
    try:
        os.makedirs(spec.checkpoint_dir, exist_ok=True)
    except OSError as error:
        mend = f"make its parent writable for user {_user()}"
        raise PermissionError(f"checkpoint directory {spec.checkpoint_dir}: {error.strerror}; {mend}") from None


def _user() -> str:
    return f"id {os.getuid()}"

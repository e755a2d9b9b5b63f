"""Finds every process of a part, however it daemonised, and kills it."""

import os
import signal
from collections.abc import Collection

from agent.workers.shim import procfs
from agent.workers.shim.group import Group
from agent.workers.shim.procfs import Process


def children(root: int) -> list[Process]:
    """All descendants of a subreaper: whatever was ever started below it and lives."""
    return procfs.descendants([root], procfs.everything())


def marked(shim: str, known: Collection[tuple[int, int]] = ()) -> list[Process]:
    """Processes started with MAINSTAY_SHIM=``shim`` and their descendants: those of a part whose shim is gone.

    A process can lose the mark (setproctitle writes over it): of those, the ``known`` by pid and start time.
    """
    processes = {process.pid: process for process in procfs.everything()}
    entry = f"MAINSTAY_SHIM={shim}".encode()
    own = os.getpid()
    roots = [
        pid
        for pid, process in processes.items()
        if pid != own and ((pid, process.start_time) in known or entry in procfs.environment(pid))
    ]
    found = {process.pid: process for process in procfs.descendants(roots, processes.values())}
    found.update((pid, processes[pid]) for pid in roots if not processes[pid].gone)
    return list(found.values())


def grouped(group: Group) -> list[Process]:
    """What lives in the workers' control group."""
    found = (procfs.read(pid) for pid in group.pids())
    return [process for process in found if process is not None and not process.gone]


def leftovers(shim: str, root: int, group: Group | None) -> list[Process]:
    """Without a group the environments of all processes are read, once nothing below ``root`` is left."""
    return children(root) or (marked(shim) if group is None else grouped(group))


def kill(processes: list[Process]) -> None:
    for process in processes:
        procfs.send(process, signal.SIGKILL)


def terminate(processes: list[Process]) -> None:
    """SIGCONT as well: a stopped process does not see SIGTERM before it goes on."""
    for process in processes:
        procfs.send(process, signal.SIGTERM, signal.SIGCONT)

"""The processes the shim starts itself: one torchrun, or the workers. Knows what became of each; decides nothing."""

import os
from collections.abc import Callable
from dataclasses import dataclass

from agent.workers.shim import procfs
from agent.workers.shim.group import Group
from agent.workers.shim.loop import Loop
from agent.workers.shim.records import Spec
from agent.workers.shim.spawn import spawn


@dataclass
class Child:
    pid: int
    start_time: int
    local_rank: int | None  # None: torchrun
    rank: int | None
    exit_code: int | None = None  # negative: minus the signal's number


class Gang:
    """``on_started`` is called once all programs run, ``on_refused`` with the line that says why one does not."""

    def __init__(
        self,
        spec: Spec,
        loop: Loop,
        on_started: Callable[[], None],
        on_refused: Callable[[str], None],
        group: Group | None = None,
    ) -> None:
        self._spec = spec
        self._group = group
        self._loop = loop
        self._on_started = on_started
        self._on_refused = on_refused
        self._starting: set[int] = set()
        self.children: dict[int, Child] = {}

    @property
    def ended(self) -> bool:
        return all(child.exit_code is not None for child in self.children.values())

    def start(self, output: int) -> None:
        local_ranks = range(self._spec.workers_per_node) if self._spec.launcher == "direct" else (None,)
        for local_rank in local_ranks:
            try:
                pid, report = spawn(self._spec, local_rank, output, self._group)
            except OSError as error:
                self._on_refused(f"cannot start a process: {error.strerror}")
                return
            self._watch(pid, report, local_rank)

    def reap(self) -> list[Child]:
        """The children that ended since; orphans that came to us are buried without a word."""
        ended = []
        while (found := _wait()) is not None:
            pid, status = found
            child = self.children.get(pid)
            if child is not None:
                child.exit_code = os.waitstatus_to_exitcode(status)
                ended.append(child)
        for report in list(self._starting) if ended else ():
            self._reported(report)  # why a program did not start comes before its exit status
        return ended

    def _watch(self, pid: int, report: int, local_rank: int | None) -> None:
        process = procfs.read(pid)
        start_time = process.start_time if process is not None else 0
        rank = None if local_rank is None else self._spec.ranks[local_rank]
        self.children[pid] = Child(pid, start_time, local_rank, rank)
        os.set_blocking(report, False)
        self._starting.add(report)
        self._loop.add(report, lambda: self._reported(report))

    def _reported(self, report: int) -> None:
        try:
            line = os.read(report, 4096)
        except BlockingIOError:
            return
        self._loop.remove(report)
        os.close(report)
        self._starting.discard(report)
        if line:
            self._on_refused(line.decode("utf-8", "replace"))
        elif not self._starting:
            self._on_started()


def _wait() -> tuple[int, int] | None:
    try:
        pid, status = os.waitpid(-1, os.WNOHANG)
    except ChildProcessError:
        return None
    return (pid, status) if pid else None

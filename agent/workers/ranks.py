"""Evidence of life of a part's ranks: what they report, and what /proc says of their processes."""

import os
from dataclasses import dataclass
from pathlib import Path

import msgspec

from agent.workers import progress
from agent.workers.progress import Progress
from agent.workers.shim import failures, procfs, records, untrusted
from agent.workers.shim.procfs import Process
from agent.workers.shim.records import Spec
from agent.workers.shim_client import WorkerProcess
from wire.attempts import RankProgress

BLIND_S = 2.0
STOPPED = "T"
GONE = "X"


@dataclass
class _Rank:
    number: int
    process: WorkerProcess | None = None
    registered: bool = False
    state: str = "?"
    cpu_s: float = 0.0
    stopped_since: float | None = None
    progress: Progress | None = None


class Ranks:
    """All of it reads a few small files and never waits. Times are seconds of the boot clock."""

    def __init__(self, part_dir: Path, spec: Spec) -> None:
        self._work = str(part_dir / records.WORK_DIR)
        self._uid = spec.uid
        self._looked_at = 0.0
        self._ranks = [_Rank(number) for number in spec.ranks]

    def started(self, workers: dict[str, WorkerProcess]) -> None:
        """What the shim started itself: believed until the rank registers."""
        for rank in self._ranks:
            if not rank.registered:
                rank.process = workers.get(str(rank.number), rank.process)

    def look_at_reports(self) -> None:
        for rank in self._ranks:
            path = os.path.join(self._work, f"progress-{rank.number}")
            rank.progress = progress.read(path, self._uid) or rank.progress

    def look_at_processes(self, now: float) -> None:
        if now - self._looked_at > BLIND_S:
            self._forget_stops()
        self._looked_at = now
        for rank in self._ranks:
            self._register(rank)
            if rank.process is not None:
                _observe(rank, procfs.read(rank.process.pid), now)

    def processes(self) -> set[tuple[int, int]]:
        """Pid and start time of those of the worker's user: which process it is, a rank says itself."""
        noted = [rank.process for rank in self._ranks if rank.process is not None]
        return {(process.pid, process.start_time) for process in noted if procfs.owner(process.pid) == self._uid}

    def view(self) -> list[RankProgress]:
        """As of the last looks; it waits for nothing and reads nothing."""
        return [_view(rank, self._looked_at) for rank in self._ranks]

    def _forget_stops(self) -> None:
        """Nobody looked for a while, as when the whole machine stood still: that time is not the worker's."""
        for rank in self._ranks:
            rank.stopped_since = None

    def _register(self, rank: _Rank) -> None:
        if rank.registered and rank.state != GONE:
            return
        path = os.path.join(self._work, f"rank-{rank.number}.json")
        try:
            noted = untrusted.read_json(path, failures.NOTE_LIMIT, self._uid)
            rank.process = msgspec.convert(noted, WorkerProcess)
            rank.registered = True
        except (OSError, ValueError):  # msgspec's errors are ValueErrors
            return


def _observe(rank: _Rank, process: Process | None, now: float) -> None:
    known = rank.process
    if process is None or known is None or process.start_time != known.start_time or process.gone:
        rank.state, rank.stopped_since = GONE, None
        return
    rank.state, rank.cpu_s = process.state, process.cpu_s
    if process.state != STOPPED:
        rank.stopped_since = None
    elif rank.stopped_since is None:
        rank.stopped_since = now


def _view(rank: _Rank, looked_at: float) -> RankProgress:
    reported = rank.progress
    return RankProgress(
        rank=rank.number,
        pid=rank.process.pid if rank.process is not None else None,
        process_state=rank.state,
        cpu_s=rank.cpu_s,
        stopped_s=0.0 if rank.stopped_since is None else looked_at - rank.stopped_since,
        step=reported.step if reported is not None else None,
        loss=reported.loss if reported is not None else None,
        first_step=reported.first_step if reported is not None else None,
        reported_at=reported.reported_at if reported is not None else None,
    )

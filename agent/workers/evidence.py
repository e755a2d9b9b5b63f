"""What a part's own files and processes say of it: its ranks, their notes, its checkpoints."""

from collections.abc import Callable
from pathlib import Path

from agent.workers.checkpoint_watch import CheckpointWatch
from agent.workers.ranks import Ranks
from agent.workers.shim import failures
from agent.workers.shim.failures import Failure
from agent.workers.shim.records import Spec
from agent.workers.shim_client import WorkerProcess
from wire.attempts import CompleteCheckpoint, RankProgress


class Evidence:
    """The workers' word: their user can make anything of it. Times are seconds of the boot clock.

    ``checkpoints_changed`` is called when there are new ones.
    """

    def __init__(self, directory: Path, spec: Spec, checkpoints_changed: Callable[[], None]) -> None:
        self._spec = spec
        self._ranks = Ranks(directory, spec)
        self._checkpoints = CheckpointWatch(spec, checkpoints_changed)

    @property
    def ranks(self) -> list[RankProgress]:
        """As of the last looks."""
        return self._ranks.view()

    @property
    def checkpoints(self) -> list[CompleteCheckpoint]:
        return self._checkpoints.found

    def started(self, workers: dict[str, WorkerProcess]) -> None:
        """What the shim started itself, by rank."""
        self._ranks.started(workers)

    def look(self, now: float) -> None:
        self._look_at_ranks(now)
        self._checkpoints.look(now)

    def notes(self) -> list[Failure]:
        """The failures that ranks noted themselves."""
        return failures.notes(self._spec.worker_dir, self._spec.ranks, self._spec.uid)

    def processes(self, now: float) -> set[tuple[int, int]]:
        """Pid and start time of the workers that named themselves."""
        self._ranks.look_at_processes(now)
        return self._ranks.processes()

    async def finish(self) -> None:
        """The part is about to end: what was completed just before."""
        await self._checkpoints.finish()

    def ended(self, now: float) -> None:
        """The last look at the ranks."""
        self._look_at_ranks(now)

    async def recall(self) -> None:
        """For a part that had ended before. May hang where a mount does."""
        await self._checkpoints.recall()

    def _look_at_ranks(self, now: float) -> None:
        self._ranks.look_at_reports()
        self._ranks.look_at_processes(now)

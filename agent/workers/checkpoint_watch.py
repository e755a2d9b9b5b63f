"""Watches an attempt's checkpoint directory, on storage that may hang."""

import asyncio
from collections.abc import Callable

from agent.workers import checkpoints
from agent.workers.aside import aside
from agent.workers.shim.records import Spec
from wire.attempts import CompleteCheckpoint

LAST_SCAN_S = 1.0


class CheckpointWatch:
    """``changed`` is called when ``found`` has. At most one scan is out: on a dead mount it stays out, alone."""

    def __init__(self, spec: Spec, changed: Callable[[], None]) -> None:
        self.found: list[CompleteCheckpoint] = []
        self._directory = spec.checkpoint_dir
        self._pattern = spec.checkpoint_pattern
        self._interval_s = checkpoints.scan_interval_s(spec.node_rank, spec.nodes)
        self._changed = changed
        self._due_at = 0.0
        self._scan: asyncio.Task[None] | None = None

    def look(self, now: float) -> None:
        """Starts a scan when one is due and none is out."""
        if now >= self._due_at and self._start() is not None:
            self._due_at = now + self._interval_s

    async def finish(self) -> None:
        """One more scan, for what was completed just before the end. A scan that hangs is not waited for."""
        if self._scan is not None:
            await asyncio.wait({self._scan}, timeout=LAST_SCAN_S)
        if (last := self._start()) is not None:
            await asyncio.wait({last}, timeout=LAST_SCAN_S)

    async def recall(self) -> None:
        """Finds what is there without a word. Waits for as long as the storage does."""
        if self._directory and self._pattern:
            self.found = await aside(self._complete)

    def _start(self) -> asyncio.Task[None] | None:
        if not self._directory or not self._pattern:
            return None
        if self._scan is not None and not self._scan.done():
            return None
        self._scan = asyncio.create_task(self._scan_once())
        return self._scan

    async def _scan_once(self) -> None:
        found = await aside(self._complete)
        if found != self.found:
            self.found = found
            self._changed()

    def _complete(self) -> list[CompleteCheckpoint]:
        return checkpoints.complete(self._directory, self._pattern)

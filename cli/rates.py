"""How fast jobs step, from looking again and again."""

from collections import deque
from collections.abc import Sequence

from wire.api import JobPhase, JobView

SPAN_S = 30.0
LEAST_S = 0.5  # two looks closer than this say nothing


class Rates:
    """Steps a second of each running job, over the last SPAN_S of looking."""

    def __init__(self) -> None:
        self._seen: dict[tuple[str, int], deque[tuple[float, int]]] = {}

    def after(self, jobs: Sequence[JobView], mono: float) -> dict[str, float]:
        """Rates by job, once it was looked at twice within one attempt."""
        running = {(job.id, job.attempt): job.step for job in jobs if job.phase is JobPhase.RUNNING}
        self._seen = {key: self._seen.get(key, deque()) for key in running}
        for key, step in running.items():
            if step is not None:
                self._note(key, mono, step)
        return {key[0]: rate for key in running if (rate := self._rate(key)) is not None}

    def _note(self, key: tuple[str, int], mono: float, step: int) -> None:
        seen = self._seen[key]
        seen.append((mono, step))
        while seen[0][0] < mono - SPAN_S:
            seen.popleft()

    def _rate(self, key: tuple[str, int]) -> float | None:
        seen = self._seen[key]
        if len(seen) < 2 or seen[-1][0] - seen[0][0] < LEAST_S:
            return None
        return (seen[-1][1] - seen[0][1]) / (seen[-1][0] - seen[0][0])

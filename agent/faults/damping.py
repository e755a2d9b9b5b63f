"""A fault that repeats a hundred times a second is told often enough to count, and then now and again. Pure."""

from collections.abc import Iterator

import msgspec

from agent.faults import Sighting

MANY = 32  # of one kind, code and component within WINDOW_S are told one by one; no rule needs more of them
WINDOW_S = 60.0
TOGETHER_S = 300.0  # then those since are told as one; rules hold a fault for longer than that
TEXT = 512

Key = tuple[str, str, str]


class _Flow:
    def __init__(self, at: float) -> None:
        self.since, self.told, self.held = at, 0, 0
        self.newest: Sighting | None = None


class Damper:
    def __init__(self) -> None:
        self._flows: dict[Key, _Flow] = {}

    def take(self, sighting: Sighting) -> Iterator[Sighting]:
        """What is to be told now; the flow's end is told by :meth:`due`."""
        key = (sighting.kind, sighting.code, sighting.component)
        flow = self._flows.setdefault(key, _Flow(sighting.at))
        if flow.told < MANY:
            if sighting.at - flow.since > WINDOW_S:
                flow = self._flows[key] = _Flow(sighting.at)
            flow.told += 1
            yield sighting
            return
        flow.newest, flow.held = sighting, flow.held + 1
        yield from self._together(key, sighting.at)

    def due(self, now: float) -> Iterator[Sighting]:
        """What was held back long enough; a flow that stopped is forgotten."""
        for key in list(self._flows):
            yield from self._together(key, now)

    def _together(self, key: Key, now: float) -> Iterator[Sighting]:
        flow = self._flows[key]
        if now - flow.since < TOGETHER_S:
            return
        if flow.newest is None:
            del self._flows[key]
            return
        yield _as_one(flow.newest, flow.held, flow.newest.at - flow.since)
        if flow.held <= MANY:
            del self._flows[key]  # no flood any more
        flow.since, flow.held, flow.newest = now, 0, None


def _as_one(newest: Sighting, count: int, seconds: float) -> Sighting:
    more = f" ({count} like it in {seconds:.0f} s)" if count > 1 else ""
    return msgspec.structs.replace(newest, text=newest.text[: TEXT - len(more)] + more)

"""How much counters grew within the last while: what one look can't tell, and a window of looks would be too short
for."""

from collections import deque

Mark = tuple[float, int]


class Lately:
    """``over_s``: the while. Times are seconds of any clock that only goes on. Costs nothing while nothing grows."""

    def __init__(self, over_s: float) -> None:
        self._over_s = over_s
        self._last: dict[str, int] = {}
        self._grew: dict[str, deque[Mark]] = {}

    def grown(self, key: str, count: int | None, now: float) -> int | None:
        """Since ``over_s`` ago, or since the counter was first seen. One that began anew counts from there. None: there
        is no such counter."""
        if count is None:
            return None
        before = self._last.get(key, count)
        self._last[key] = count
        marks = self._grew.setdefault(key, deque())
        if count != before:
            marks.append((now, count - before if count > before else count))
        while marks and marks[0][0] < now - self._over_s:
            marks.popleft()
        return sum(grew for _, grew in marks)

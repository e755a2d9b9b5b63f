"""Time, at the edge: everything else takes it as an argument (law 9)."""

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    def mono(self) -> float:
        """Seconds of a monotonic clock that goes on while the machine sleeps."""

    def utc(self) -> datetime: ...


class SystemClock:
    def mono(self) -> float:
        return time.clock_gettime(time.CLOCK_BOOTTIME)

    def utc(self) -> datetime:
        return datetime.now(UTC)

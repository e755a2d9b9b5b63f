"""Runs diagnostics in a process of their own, one set at a time; a job's launch ends them."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from enum import StrEnum

import msgspec

from wire.diagnostics import Figure

OUTPUT_LIMIT = 1 << 20
Run = Callable[[asyncio.Event], Awaitable[bytes]]  # what they printed, until they ended or the event was set


class End(StrEnum):
    OWN = "own"
    DEADLINE = "deadline"
    GAVE_WAY = "gave_way"


class Examined(msgspec.Struct, frozen=True):
    figures: list[Figure]
    unfinished: str  # the diagnostic that had begun and not ended; empty: none
    end: End


class Examiner:
    """Its methods are called on one event loop."""

    def __init__(self) -> None:
        self._launches = 0
        self._stop: asyncio.Event | None = None
        self._idle = asyncio.Event()
        self._idle.set()

    @property
    def taken(self) -> bool:
        """Diagnostics run already, or a job is being launched."""
        return self._launches > 0 or not self._idle.is_set()

    @contextlib.asynccontextmanager
    async def giving_way(self) -> AsyncIterator[None]:
        """Ends what runs, and keeps more from beginning meanwhile."""
        self._launches += 1
        try:
            if self._stop is not None:
                self._stop.set()
            await self._idle.wait()
            yield
        finally:
            self._launches -= 1

    async def examine(self, run: Run, deadline_s: float) -> Examined:
        """Only when it is not ``taken``. ``run`` sees to it that nothing is left once it returns."""
        assert not self.taken
        self._idle.clear()
        stop = self._stop = asyncio.Event()
        timer = asyncio.get_running_loop().call_later(deadline_s, stop.set)
        try:
            output = await run(stop)
        finally:
            timer.cancel()
            self._stop = None
            self._idle.set()
        figures, unfinished = read(output)
        ended = End.GAVE_WAY if self._launches else End.DEADLINE
        return Examined(figures, unfinished, ended if stop.is_set() else End.OWN)


class _Line(msgspec.Struct):
    """One line of agent/diagnostics/__main__.py."""

    begun: str = ""
    ended: str = ""
    figures: list[Figure] = []


def read(output: bytes) -> tuple[list[Figure], str]:
    """The figures, and which diagnostic had begun and not ended. Lines that say neither are passed over: libraries
    print what they like."""
    figures: list[Figure] = []
    under_way = ""
    for text in output.splitlines():
        with contextlib.suppress(msgspec.DecodeError):
            line = msgspec.json.decode(text, type=_Line)
            under_way = line.begun or ("" if line.ended else under_way)
            figures += line.figures
    return figures, under_way

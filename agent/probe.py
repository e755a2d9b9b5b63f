"""One sensor behind a hard deadline."""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import msgspec

from agent.checks import Timed
from agent.clock import Clock

Answer = Timed[Any] | Exception


class Hung(Exception):
    """The sensor has not answered; nothing more is asked of it until it does."""


class Probe:
    """Runs ``read`` in a daemon thread of its own, at most one at a time: one that hangs costs one thread, not more,
    and does not keep the process from ending."""

    def __init__(self, name: str, read: Callable[[], msgspec.Struct], clock: Clock, deadline_s: float) -> None:
        self.name = name
        self._read = read
        self._clock = clock
        self._deadline_s = deadline_s
        self._answer: asyncio.Future[Answer] | None = None
        self._asked_at = 0.0

    async def read(self) -> Timed[Any]:
        """A fresh reading. Raises Hung, or whatever the sensor raised."""
        self._forget_late_answer()
        answer = self._answer or self._ask()
        left = self._deadline_s - (self._clock.boottime() - self._asked_at)
        await asyncio.wait({answer}, timeout=max(left, 0))
        if not answer.done():
            raise Hung(f"sensor {self.name} gave no answer within {self._deadline_s:g} s")
        if self._answer is answer:
            self._answer = None
        found = answer.result()
        if isinstance(found, Exception):
            raise found
        return found

    def _forget_late_answer(self) -> None:
        """What came after its deadline is old by now."""
        if self._answer is not None and self._answer.done():
            self._answer = None

    def _ask(self) -> asyncio.Future[Answer]:
        loop = asyncio.get_running_loop()
        self._answer = loop.create_future()
        self._asked_at = self._clock.boottime()
        threading.Thread(target=self._look, args=(loop, self._answer), name=f"probe-{self.name}", daemon=True).start()
        return self._answer

    def _look(self, loop: asyncio.AbstractEventLoop, answer: asyncio.Future[Answer]) -> None:
        try:
            reading = self._read()
            found: Answer = Timed(self._clock.boottime(), reading)
        except Exception as error:  # whatever a sensor raises means: nothing known
            found = error
        with suppress(RuntimeError):  # the loop has ended meanwhile
            loop.call_soon_threadsafe(answer.set_result, found)

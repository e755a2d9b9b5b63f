"""The agent's end of one prober process."""

import asyncio
import itertools
import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress

from agent.prober.protocol import (
    HEADER,
    MAX_FRAME,
    Answer,
    Ask,
    Begin,
    Follow,
    FromChild,
    Ready,
    Tell,
    Told,
    decode_from_child,
    frame,
)

ARGV = (sys.executable, "-I", "-m", "agent.prober")
ENVIRONMENT = {"MALLOC_ARENA_MAX": "1"}  # one for each of its threads costs 0.5 MiB, see mallopt(3)


class Died(Exception):
    """The process ended, or never began to speak; str() says how."""


class Process:
    """``on_told`` gets what following sensors say. Every answer still waited for raises Died when the process ends.
    ``killed``: it ends, or will end, because its owner said so."""

    def __init__(self, child: asyncio.subprocess.Process, on_told: Callable[[Told], None]) -> None:
        self._child, self._on_told = child, on_told
        self._answers: dict[int, asyncio.Future[Answer]] = {}
        self._ids = itertools.count()
        self._ready = asyncio.get_running_loop().create_future()
        self._ready.add_done_callback(lambda ready: ready.exception())
        self.killed = self._failed = False
        self._reading = asyncio.create_task(self._read(), name="prober")

    @classmethod
    async def start(cls, begin: Begin, on_told: Callable[[Told], None]) -> "Process":
        pipe = asyncio.subprocess.PIPE
        environment = os.environ | ENVIRONMENT
        child = await asyncio.create_subprocess_exec(*ARGV, stdin=pipe, stdout=pipe, cwd="/", env=environment)
        process = cls(child, on_told)
        process._send(begin)
        return process

    @property
    def pid(self) -> int:
        return self._child.pid

    @property
    def ended(self) -> bool:
        """Nothing more is heard of it."""
        return self._failed or self._reading.done()

    async def ready(self) -> None:
        """Raises Died."""
        await asyncio.shield(self._ready)

    def ask(self, sensor: str) -> "asyncio.Future[Answer]":
        """The future raises Died when the process ends first; one that nobody waits for any more may be dropped."""
        number = next(self._ids)
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        answer.add_done_callback(lambda done: done.cancelled() or done.exception())
        self._answers[number] = answer
        if self.ended:
            self._fail(Died("the prober has ended"))
        else:
            self._send(Ask(sensor, number))
        return answer

    def tell(self, sensor: str, news: bytes) -> None:
        self._send(Tell(sensor, news))

    def follow(self, positions: dict[str, str]) -> None:
        self._send(Follow(positions))

    def kill(self) -> None:
        """At once; nothing that it says afterwards is heard. :meth:`gone` tells when it has really ended."""
        self.killed = True
        self._end()
        self._fail(Died("the prober was killed"))  # one that is stuck in the kernel would keep them waiting

    async def gone(self, within_s: float | None = None) -> None:
        """One that is stuck in the kernel does not end when it is killed."""
        with suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                await self._child.wait()
                await asyncio.wait({self._reading})

    def _end(self) -> None:
        with suppress(ProcessLookupError):
            self._child.kill()

    def _send(self, message: object) -> None:
        assert self._child.stdin is not None
        with suppress(OSError, RuntimeError):  # it has ended: whoever waits is told by the reader
            self._child.stdin.write(frame(message))

    async def _read(self) -> None:
        try:
            while True:
                self._take(await self._next())
        except asyncio.IncompleteReadError:
            await self._child.wait()
            self._fail(Died(_how(self._child.returncode)))
        except Exception as error:  # what can't be read is a defect of the child; the agent stays
            self._end()
            self._fail(Died(f"the prober said what can't be read: {error}"))
        finally:
            await self._close()

    async def _close(self) -> None:
        assert self._child.stdin is not None
        self._child.stdin.close()
        with suppress(OSError):  # its end of the pipe is gone
            await self._child.stdin.wait_closed()

    async def _next(self) -> FromChild:
        assert self._child.stdout is not None
        (length,) = HEADER.unpack(await self._child.stdout.readexactly(HEADER.size))
        if length > MAX_FRAME:
            raise ValueError(f"a frame of {length} bytes")
        return decode_from_child(await self._child.stdout.readexactly(length))

    def _take(self, message: FromChild) -> None:
        match message:
            case Ready():
                self._ready.set_result(None)
            case Answer(number):
                answer = self._answers.pop(number, None)
                if answer is not None and not answer.done():
                    answer.set_result(message)
            case Told() if not self.killed:
                self._on_told(message)

    def _fail(self, error: Died) -> None:
        self._failed = True
        waiting = [*self._answers.values(), self._ready]
        self._answers.clear()
        for future in waiting:
            if not future.done():
                future.set_exception(error)


def _how(status: int | None) -> str:
    if status is not None and status < 0:
        return f"the prober was ended by {signal.Signals(-status).name}"
    return f"the prober ended with status {status}"

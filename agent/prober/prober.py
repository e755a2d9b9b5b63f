"""The owner of the prober: asks sensors with a hard deadline and replaces a process in which one hangs.

A sensor that hangs is *on trial*: it is asked in a process of its own, with growing pauses, until it answers again; the
others go on in a fresh process that was ready before the old one was killed, and are asked again there. So is each that
was being asked when the process died by itself: one of them brought it down. While a killed process does not end, since
it is stuck in the kernel, its sensor is not asked at all: one process is left behind for each sensor, never more.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from contextlib import suppress

import msgspec

from agent.checks import Timed
from agent.clock import Clock
from agent.prober.process import Died, Process
from agent.prober.protocol import Answer, Begin, Told
from agent.sensors import Batch

log = logging.getLogger(__name__)

START_S = 30.0  # for a process to be ready
PAUSE_S = (5.0, 300.0)  # between trials of a sensor that hangs: the first, and the longest
CLOSE_S = 1.0  # for a killed process to end
RESTART_S = (0.5, 30.0)  # before a process that died is started again
LASTING_S = 60.0  # a process that lived for so long did not die of what the last one died of


class Hung(Exception):
    """The sensor has not answered within its deadline, or is not asked because it hung before."""


class Failed(Exception):
    """The sensor raised, or its process died; nothing is known."""


class Trial(msgspec.Struct):
    """``not_before``: seconds of CLOCK_BOOTTIME. ``left_behind``: a killed process that has not ended."""

    not_before: float
    pause_s: float
    left_behind: Process | None = None


class Prober:
    """``deadlines``: seconds, by sensor. ``on_batch`` gets what following sensors tell, ``on_lost`` a sensor's name and
    error when its source ended. ``positions`` says where each goes on."""

    def __init__(
        self,
        begin: Begin,
        deadlines: Mapping[str, float],
        clock: Clock,
        positions: Callable[[], dict[str, str]],
        on_batch: Callable[[str, Batch], None],
        on_lost: Callable[[str, str], None],
    ) -> None:
        self._begin, self._deadlines, self._clock = begin, deadlines, clock
        self._positions, self._on_batch, self._on_lost = positions, on_batch, on_lost
        self._main: Process | None = None
        self._main_since, self._closed = 0.0, False
        self._changing, self._trying = asyncio.Lock(), asyncio.Lock()
        self._trials: dict[str, Trial] = {}
        self._news: dict[str, bytes] = {}
        self._restart_s = RESTART_S[0]
        self._tasks: set[asyncio.Task[None]] = set()

    async def read(self, sensor: str) -> Timed[Answer]:
        """Raises Hung or Failed."""
        while not self._closed:
            if sensor in self._trials:  # or since then: another asked it at the same time
                return await self._on_trial(sensor, self._trials[sensor])
            process = await self._running()
            try:
                return await self._ask(process, sensor)
            except Hung:
                if sensor not in self._trials:
                    self._trials[sensor] = Trial(self._clock.boottime() + PAUSE_S[0], PAUSE_S[0])
                    await self._replace(process, sensor)
                raise
            except Died as error:
                if not process.killed:
                    self._trials.setdefault(sensor, Trial(self._clock.boottime(), PAUSE_S[0]))
                    raise Failed(str(error)) from None
        raise Failed("the prober is closed")

    def tell(self, sensor: str, news: bytes) -> None:
        """Kept for processes that are started later."""
        self._news[sensor] = news
        if self._main is not None:
            self._main.tell(sensor, news)

    async def close(self) -> None:
        """What is stuck in the kernel is left behind."""
        self._closed = True
        if self._main is not None:
            self._main.kill()
            await self._main.gone(CLOSE_S)
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=CLOSE_S)
        for task in self._tasks:
            task.cancel()

    def take_over(self, before: "Prober") -> None:
        """From one that is closed: what hung there is asked apart here too, at once, since another configuration may
        have mended it; what it left behind is still waited for before its sensor is asked."""
        for sensor, trial in before._trials.items():
            if sensor in self._deadlines:
                self._trials[sensor] = Trial(self._clock.boottime(), PAUSE_S[0])
                if trial.left_behind is not None:
                    self._leave(trial.left_behind, sensor)

    async def start(self) -> None:
        """So that sources are followed before a sensor is asked."""
        with suppress(Failed):
            await self._running()

    async def _ask(self, process: Process, sensor: str) -> Timed[Answer]:
        """Raises Hung, Failed, Died."""
        deadline_s = self._deadlines[sensor]
        answer = process.ask(sensor)
        await asyncio.wait({answer}, timeout=deadline_s)
        if not answer.done():
            raise Hung(f"sensor {sensor} gave no answer within {deadline_s:g} s")
        found = answer.result()
        if found.error:
            raise Failed(found.error)
        return Timed(found.at, found)

    async def _running(self) -> Process:
        """The process in which sensors are asked, started when there is none."""
        if self._main is not None and not (self._main.ended or self._main.killed):
            return self._main  # while the one to replace it starts, too
        async with self._changing:
            if self._closed:
                raise Failed("the prober is closed")
            if self._main is None or self._main.ended:
                await self._restart()
            assert self._main is not None
            return self._main

    async def _restart(self) -> None:
        if self._main is not None:
            log.warning("the prober ended and is started again")
            if self._clock.boottime() - self._main_since > LASTING_S:
                self._restart_s = RESTART_S[0]
            await asyncio.sleep(self._restart_s)
            self._restart_s = min(2 * self._restart_s, RESTART_S[1])
        self._follow(await self._fresh())

    async def _fresh(self) -> Process:
        """A process that is ready. Raises Failed."""
        try:
            process = await Process.start(self._begin, self._told)
        except OSError as error:  # no memory, no process to be had: that may pass
            raise Failed(f"the prober can't be started: {error}") from None
        try:
            async with asyncio.timeout(START_S):
                await process.ready()
            if self._closed:
                raise Died("the prober is closed")
        except (Died, TimeoutError) as error:
            process.kill()
            raise Failed(str(error) or f"no prober within {START_S:g} s") from None
        except asyncio.CancelledError:
            process.kill()
            raise
        for sensor, news in self._news.items():
            process.tell(sensor, news)
        return process

    async def _replace(self, process: Process, sensor: str) -> None:
        """The next one is ready before the old one is killed, so that nobody waits."""
        async with self._changing:
            if self._main is not process or process.ended:
                return
            fresh = await self._fresh()
            process.kill()
            self._leave(process, sensor)
            self._follow(fresh)

    def _follow(self, process: Process) -> None:
        self._main, self._main_since = process, self._clock.boottime()
        process.follow(self._positions())

    def _leave(self, process: Process, sensor: str) -> None:
        trial = self._trials[sensor]
        trial.left_behind = process
        task = asyncio.create_task(self._bury(process, trial), name=f"left-behind-{sensor}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _bury(self, process: Process, trial: Trial) -> None:
        await process.gone()
        trial.left_behind = None

    async def _on_trial(self, sensor: str, trial: Trial) -> Timed[Answer]:
        self._demand_due(sensor, trial)
        async with self._trying:  # one process besides the main one
            if self._trials.get(sensor) is trial:
                self._demand_due(sensor, trial)
                return await self._try(sensor, trial)
        return await self.read(sensor)  # another asked it meanwhile, and it answered

    def _demand_due(self, sensor: str, trial: Trial) -> None:
        """Raises Hung."""
        if trial.left_behind is not None:
            raise Hung(f"sensor {sensor} hangs in the kernel (process {trial.left_behind.pid})")
        if self._clock.boottime() < trial.not_before:
            raise Hung(f"sensor {sensor} hung or brought its process down; it is asked again in a while")

    async def _try(self, sensor: str, trial: Trial) -> Timed[Answer]:
        process = await self._fresh()
        try:
            found = await self._ask(process, sensor)
        except Hung:
            self._put_off(trial)
            self._leave(process, sensor)
            raise
        except Died as error:
            self._put_off(trial)
            raise Failed(str(error)) from None
        finally:
            process.kill()
            await process.gone(CLOSE_S)
        self._trials.pop(sensor, None)
        return found

    def _put_off(self, trial: Trial) -> None:
        trial.pause_s = min(2 * trial.pause_s, PAUSE_S[1])
        trial.not_before = self._clock.boottime() + trial.pause_s

    def _told(self, message: Told) -> None:
        batch = None if message.batch is None else msgspec.msgpack.decode(message.batch, type=Batch)
        try:
            if batch is None:
                self._on_lost(message.sensor, message.error)
            else:
                self._on_batch(message.sensor, batch)
        except Exception:  # a bug in here is not the process's fault, which would put every sensor on trial
            log.exception("what sensor %s told was not taken", message.sensor)

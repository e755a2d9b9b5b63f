"""Runs sensors and checks: owns timing, deadlines and errors, so that they need not."""

import asyncio
import logging
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Any

import msgspec

from agent.binding import BoundCheck
from agent.checks import Timed, Verdict, healthy
from agent.clock import Clock
from agent.conditions import Book
from agent.config import Intervals
from agent.hysteresis import Memory, settle
from agent.probe import Hung, Probe
from wire.conditions import Condition, Severity, Status

log = logging.getLogger(__name__)

PROBE_HUNG = "ProbeHung"
WINDOW_GAP_S = 0.5  # between the readings of a survey, for checks that need more than one


class Reason(StrEnum):
    SENSOR_HUNG = "sensor_hung"
    SENSOR_FAILED = "sensor_failed"
    CHECK_FAILED = "check_failed"
    SENSORS_ANSWER = "sensors_answer"


Publish = Callable[[list[Condition], bool], None]  # conditions, and whether they are news


class Runner:
    """``publish`` gets changes at once and renewals before they expire."""

    def __init__(
        self,
        reads: Mapping[str, Callable[[], msgspec.Struct]],
        bound: Iterable[BoundCheck],
        book: Book,
        clock: Clock,
        intervals: Intervals,
        publish: Publish,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._checks = list(bound)
        wanted = {check.reads for check in self._checks}
        self._probes = [
            Probe(name, read, clock, intervals.read_deadline_s) for name, read in reads.items() if name in wanted
        ]
        self._book, self._clock, self._publish, self._sleep = book, clock, publish, sleep
        self._intervals = intervals
        self._windows: dict[str, deque[Timed[Any]]] = {
            probe.name: deque(maxlen=max(check.window for check in self._of(probe))) for probe in self._probes
        }
        self._memories: dict[str, Memory] = defaultdict(Memory)
        self._memories.update({check.condition: _recalled(book, check) for check in self._checks})
        self._hung: set[str] = set()
        self._ailing: dict[str, str] = {}  # sensor or check, and what was logged of it

    async def run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            for probe in self._probes:
                tasks.create_task(self._watch(probe), name=f"sensor-{probe.name}")
            tasks.create_task(self._renew(), name="renewals")

    async def survey(self) -> list[tuple[str, Verdict]]:
        """Every sensor read now and every check judged by that alone; the type of condition and the verdict."""
        found = await asyncio.gather(*(self._survey(probe) for probe in self._probes))
        return sorted((pair for pairs in found for pair in pairs), key=lambda pair: pair[0])

    async def _watch(self, probe: Probe) -> None:
        while True:
            await self._round(probe)
            await self._sleep(self._intervals.sense_s)

    async def _round(self, probe: Probe) -> None:
        window = self._windows[probe.name]
        try:
            window.append(await self._read(probe))
        except _NothingKnown as unknown:
            window.clear()
            verdicts = {check.condition: unknown.verdict for check in self._of(probe)}
        else:
            verdicts = {check.condition: self._judge(check, window) for check in _ready(self._of(probe), window)}
        for check in self._of(probe):
            if check.condition in verdicts:
                self._settle(check, verdicts[check.condition])

    async def _survey(self, probe: Probe) -> list[tuple[str, Verdict]]:
        window: list[Timed[Any]] = []
        size = self._windows[probe.name].maxlen or 1
        try:
            while len(window) < size:
                if window:
                    await self._sleep(WINDOW_GAP_S)
                window.append(await self._read(probe))
        except _NothingKnown as unknown:
            return [(check.condition, unknown.verdict) for check in self._of(probe)]
        return [(check.condition, self._judge(check, window)) for check in self._of(probe)]

    async def _read(self, probe: Probe) -> Timed[Any]:
        try:
            reading = await probe.read()
        except Hung as error:
            self._note(probe.name, str(error))
            self._hanging(probe.name, True)
            raise _NothingKnown(Reason.SENSOR_HUNG, str(error)) from None
        except Exception as error:  # whatever a sensor raises means: nothing known
            text = f"sensor {probe.name} failed: {type(error).__name__}: {error}"
            self._note(probe.name, text)
            self._hanging(probe.name, False)
            raise _NothingKnown(Reason.SENSOR_FAILED, text) from None
        self._note(probe.name, "")
        self._hanging(probe.name, False)
        return reading

    def _judge(self, check: BoundCheck, window: Sequence[Timed[Any]]) -> Verdict:
        try:
            verdict = check.judge(list(window)[-check.window :])
        except Exception as error:  # a check that breaks must not take the others along
            text = f"check of {check.condition} failed: {type(error).__name__}: {error}"
            self._note(check.condition, text)
            return Verdict(Status.UNKNOWN, Severity.WARNING, Reason.CHECK_FAILED, text)
        self._note(check.condition, "")
        return verdict

    def _settle(self, check: BoundCheck, verdict: Verdict) -> None:
        memory = settle(self._memories[check.condition], verdict.status, check.rule)
        self._memories[check.condition] = memory
        if memory.settled is verdict.status:
            self._say(check.condition, verdict)
        else:
            self._book.confirmed(check.condition, self._clock.utc())

    def _hanging(self, name: str, hangs: bool) -> None:
        (self._hung.add if hangs else self._hung.discard)(name)
        self._say(PROBE_HUNG, probe_hung(sorted(self._hung)))

    def _say(self, type_: str, verdict: Verdict) -> None:
        if news := self._book.judged(type_, verdict, self._clock.utc()):
            self._publish([news], True)

    async def _renew(self) -> None:
        while True:
            await self._sleep(self._intervals.condition_life_s / 10)
            if renewals := self._book.renewals(self._clock.utc()):
                self._publish(renewals, False)

    def _note(self, name: str, text: str) -> None:
        """Log trouble once, and its end once."""
        if self._ailing.get(name, "") == text:
            return
        log.warning("%s", text) if text else log.info("%s answers again", name)
        self._ailing[name] = text

    def _of(self, probe: Probe) -> list[BoundCheck]:
        return [check for check in self._checks if check.reads == probe.name]


class _NothingKnown(Exception):
    def __init__(self, reason: Reason, text: str) -> None:
        super().__init__(text)
        self.verdict = Verdict(Status.UNKNOWN, Severity.WARNING, reason, text)


def probe_hung(names: Sequence[str]) -> Verdict:
    if not names:
        return healthy(Reason.SENSORS_ANSWER, "every sensor answers")
    return Verdict(
        Status.TRUE,
        Severity.CRITICAL,
        Reason.SENSOR_HUNG,
        f"no answer from {', '.join(names)}",
        "look for a dead mount or a hung driver",
    )


def _ready(bound: Iterable[BoundCheck], window: Sequence[Timed[Any]]) -> list[BoundCheck]:
    return [check for check in bound if len(window) >= check.window]


def _recalled(book: Book, check: BoundCheck) -> Memory:
    """What was said before the agent's restart stands until enough is seen to change it."""
    before = book.get(check.condition)
    return Memory(before.status if before else Status.UNKNOWN)

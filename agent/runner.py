"""Runs sensors and checks: owns timing, windows and errors, so that they need not."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import timedelta
from enum import StrEnum
from operator import attrgetter
from typing import Any

import msgspec

from agent.ailments import Ailments
from agent.binding import BoundCheck
from agent.checks import Clears, Judged, Timed, Verdict, healthy
from agent.clock import Clock
from agent.conditions import Book
from agent.hysteresis import Memory, Rule
from agent.probe import Look, Probe
from agent.prober.prober import Hung
from agent.settling import NODE, NOT_PRESENT, Folded, Settled, fold, observe, unknown
from agent.states import States
from wire.conditions import Condition, Severity, Status

PROBE_HUNG = "ProbeHung"
WINDOW_GAP_S = 0.5  # between the readings of a survey, for checks that need more than one
ABSENT_S = 60.0  # between looks for hardware that was not there
LIVES = 4  # looks that a condition outlives
AT_ONCE = Rule(bad=1, of=1, good=1)


class Reason(StrEnum):
    SENSOR_HUNG = "sensor_hung"
    SENSOR_FAILED = "sensor_failed"
    CHECK_FAILED = "check_failed"
    SENSORS_ANSWER = "sensors_answer"


Publish = Callable[[list[Condition], bool], None]  # conditions, and whether they are news


class Runner:
    """``publish`` gets changes at once and renewals before they expire. ``life_s``: how long a condition counts.

    ``newest`` has the newest look at each sensor that gave one, for who shows figures.
    """

    def __init__(
        self,
        probes: Iterable[Probe],
        checks: Iterable[BoundCheck],
        book: Book,
        clock: Clock,
        life_s: float,
        publish: Publish,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.newest: dict[str, Look] = {}
        self._probes = list(probes)
        self._checks = {probe.name: [check for check in checks if check.reads == probe.name] for probe in self._probes}
        self._book, self._clock, self._publish, self._sleep = book, clock, publish, sleep
        self._life_s = life_s
        self._windows: dict[str, deque[Timed[Any]]] = {
            probe.name: deque(maxlen=self._window(probe)) for probe in self._probes
        }
        self._states = States(self._readers(), lambda type_: recalled(self._standing(type_)))
        self._absent: set[str] = set()
        self._hung = set(recalled(self._standing(PROBE_HUNG))) & set(self._checks)  # until they answer
        self._ailments = Ailments(clock.boottime)  # of sensors and checks

    @property
    def hung(self) -> list[str]:
        """Sensors that do not answer."""
        return sorted(self._hung)

    async def run(self) -> None:
        self._say(PROBE_HUNG, probe_hung(self.hung))
        async with asyncio.TaskGroup() as tasks:
            for probe in self._probes:
                tasks.create_task(self._watch(probe), name=f"sensor-{probe.name}")
            tasks.create_task(self._renew(), name="renewals")

    async def survey(self) -> list[tuple[str, Folded]]:
        """Every sensor read now and every check judged by that alone, with what holds of faults that were told; by
        type of condition."""
        surveys = await asyncio.gather(*(self._survey(probe) for probe in self._probes))
        found: dict[str, dict[str, Settled]] = {}
        for type_, states in (pair for pairs in surveys for pair in pairs):
            found[type_] = found.get(type_, {}) | states
        folds = {type_: folded for type_, states in found.items() if (folded := fold(states)) is not None}
        return sorted((self._remembered() | folds).items())

    def hear(self, type_: str, judged: Judged) -> None:
        """A judgement that was not made here, of faults that were told."""
        self._settle(type_, judged, AT_ONCE, Clears.FACT, None)

    def forget(self, type_: str, components: Sequence[str]) -> None:
        """What is settled of these components, or of every one if none is named. Nothing is said until they are judged
        again; see :meth:`look_again`."""
        self._states.forget(type_, components)

    async def look_again(self, type_: str, components: Sequence[str], otherwise: Verdict) -> None:
        """Judge what was forgotten by a look at once, and say what is so; ``otherwise`` when nobody tells of it."""
        names = {name for name, checks in self._checks.items() if type_ in {check.condition for check in checks}}
        readers = [probe for probe in self._probes if probe.name in names]
        for probe, surveyed in zip(readers, await asyncio.gather(*map(self._survey, readers)), strict=True):
            states = {name: state for told, states in surveyed if told == type_ for name, state in states.items()}
            fresh = {name: state for name, state in states.items() if not components or name in {*components, NODE}}
            self._states.put(type_, probe.name, self._states.of(type_, probe.name) | fresh)
        hung = probe_hung(self.hung) if type_ == PROBE_HUNG else None
        self._say(
            type_,
            hung or self._states.folded(type_) or Folded(otherwise),
            max(readers, key=attrgetter("every_s"), default=None),
        )

    async def _watch(self, probe: Probe) -> None:
        while True:
            await self._round(probe)
            await self._sleep(max(probe.every_s, ABSENT_S) if probe.name in self._absent else probe.every_s)

    async def _round(self, probe: Probe) -> None:
        window = self._windows[probe.name]
        try:
            look = await self._look(probe)
        except _NothingKnown as nothing:
            window.clear()
            for check in self._checks[probe.name]:
                self._unsettle(check, self._hiding(check, nothing.verdict), probe)
            return
        if look.reading is None:
            self._gone(probe)
            return
        self._absent.discard(probe.name)
        self.newest[probe.name] = look
        window.append(Timed(look.at, look.reading))
        for check in _ready(self._checks[probe.name], window):
            self._judge_and_settle(check, window, probe)

    def _judge_and_settle(self, check: BoundCheck, window: Sequence[Timed[Any]], probe: Probe) -> None:
        judged = self._judge(check, window)
        if judged is None:
            self._unsettle(check, self._failed(check), probe)
        else:
            self._settle(check.condition, judged, check.rule, check.clears, probe)

    async def _survey(self, probe: Probe) -> list[tuple[str, dict[str, Settled]]]:
        checks = self._checks[probe.name]
        window: list[Timed[Any]] = []
        try:
            while len(window) < self._window(probe):
                if window:
                    await self._sleep(WINDOW_GAP_S)
                look = await self._look(probe)
                if look.reading is None:
                    return []
                window.append(Timed(look.at, look.reading))
        except _NothingKnown as nothing:
            return [(each.condition, {NODE: Settled(said=self._hiding(each, nothing.verdict))}) for each in checks]
        return [(check.condition, self._surveyed(check, window)) for check in checks]

    def _surveyed(self, check: BoundCheck, window: Sequence[Timed[Any]]) -> dict[str, Settled]:
        judged = self._judge(check, window)
        if judged is None:
            return {NODE: Settled(said=self._failed(check))}
        sticking = {} if check.clears is Clears.FACT else self._states.of(check.condition, check.reads)
        return observe(sticking, judged, AT_ONCE, check.clears)

    def _remembered(self) -> dict[str, Folded]:
        """Faults that were told, and conditions of the agent itself: nobody is asked for them."""
        own = {check.condition for checks in self._checks.values() for check in checks} | {PROBE_HUNG}
        folds = {type_: self._states.folded(type_) for type_ in self._states.types if type_ not in own}
        return {type_: folded for type_, folded in folds.items() if folded is not None}

    async def _look(self, probe: Probe) -> Look:
        try:
            look = await probe.read()
        except Hung as error:
            self._ailments.note(probe.name, str(error))
            self._hanging(probe.name, True)
            raise _NothingKnown(Reason.SENSOR_HUNG, str(error)) from None
        except Exception as error:  # whatever a sensor raises means: nothing known
            text = f"sensor {probe.name} failed: {error or type(error).__name__}"
            self._ailments.note(probe.name, text)
            self._hanging(probe.name, False)
            raise _NothingKnown(Reason.SENSOR_FAILED, text) from None
        self._ailments.note(probe.name, "")
        self._hanging(probe.name, False)
        return look

    def _judge(self, check: BoundCheck, window: Sequence[Timed[Any]]) -> Judged | None:
        """None when the check breaks, which must not take the others along."""
        try:
            judged = check.judge(list(window)[-check.window :])
        except Exception as error:
            self._ailments.note(check.condition, f"check of {check.condition} failed: {type(error).__name__}: {error}")
            return None
        self._ailments.note(check.condition, "")
        return judged

    def _failed(self, check: BoundCheck) -> Verdict:
        text = self._ailments.of(check.condition)
        return self._hiding(check, Verdict(Status.UNKNOWN, Severity.WARNING, Reason.CHECK_FAILED, text))

    def _hiding(self, check: BoundCheck, nothing: Verdict) -> Verdict:
        """A sensor that hangs may hide what the check would say at worst; so may one that fails, unless it never gave a
        reading on this node: then it can't be had here."""
        hides = nothing.reason == Reason.SENSOR_HUNG or was_judged(self._book.get(check.condition))
        return msgspec.structs.replace(nothing, hides=check.worst) if hides else nothing

    def _settle(self, type_: str, judged: Judged, rule: Rule, clears: Clears, probe: Probe | None) -> None:
        sensor = probe.name if probe else ""
        self._states.put(type_, sensor, observe(self._states.of(type_, sensor), judged, rule, clears))
        folded = self._states.folded(type_)
        if folded is not None:
            self._say(type_, folded, probe)
        elif self._book.get(type_) is not None and not self._states.together(type_):
            self._say(type_, Folded(NOT_PRESENT), probe)

    def _unsettle(self, check: BoundCheck, verdict: Verdict, probe: Probe) -> None:
        states = unknown(self._states.of(check.condition, check.reads), verdict, check.clears)
        self._states.put(check.condition, check.reads, states)
        if folded := self._states.folded(check.condition):
            self._say(check.condition, folded, probe)

    def _gone(self, probe: Probe) -> None:
        """The machine has no such thing: nothing to say, but for what was said before."""
        self._absent.add(probe.name)
        self.newest.pop(probe.name, None)
        self._windows[probe.name].clear()
        for check in self._checks[probe.name]:
            self._settle(check.condition, {}, check.rule, check.clears, probe)

    def _hanging(self, name: str, hangs: bool) -> None:
        if hangs is not (name in self._hung):
            (self._hung.add if hangs else self._hung.discard)(name)
            self._say(PROBE_HUNG, probe_hung(self.hung))

    def _say(self, type_: str, word: Folded, probe: Probe | None = None) -> None:
        life_s = max(self._life_s, LIVES * probe.every_s) if probe else self._life_s
        if news := self._book.judged(type_, word, self._clock.utc(), timedelta(seconds=life_s)):
            self._publish([news], True)

    async def _renew(self) -> None:
        while True:
            await self._sleep(self._life_s / 10)
            self._say(PROBE_HUNG, probe_hung(self.hung))
            if renewals := self._book.renewals(self._clock.utc()):
                self._publish(renewals, False)

    def _standing(self, type_: str) -> Condition | None:
        """What was told of it, if it counts: facts age, and what sticks does not (law 3)."""
        told = self._book.get(type_)
        sticks = any(
            check.condition == type_ and check.clears is not Clears.FACT
            for checks in self._checks.values()
            for check in checks
        )
        return told if told is not None and (sticks or told.expires_at > self._clock.utc()) else None

    def _readers(self) -> dict[str, list[str]]:
        readers: dict[str, list[str]] = {}
        for sensor, checks in self._checks.items():
            for check in checks:
                readers.setdefault(check.condition, []).append(sensor)
        return readers

    def _window(self, probe: Probe) -> int:
        return max((check.window for check in self._checks[probe.name]), default=1)


class _NothingKnown(Exception):
    def __init__(self, reason: Reason, text: str) -> None:
        super().__init__(text)
        self.verdict = Verdict(Status.UNKNOWN, Severity.WARNING, reason, text)


def probe_hung(names: Sequence[str]) -> Folded:
    if not names:
        return Folded(healthy(Reason.SENSORS_ANSWER, "every sensor answers"))
    message, action = f"no answer from {', '.join(names)}", "look for a dead mount or a hung driver"
    return Folded(Verdict(Status.TRUE, Severity.CRITICAL, Reason.SENSOR_HUNG, message, action), list(names))


def was_judged(told: Condition | None) -> bool:
    """Whether anything was ever said of it but that its sensor fails. A condition's generation outlives reboots, and
    that of the first word is 1."""
    return told is not None and (told.generation > 1 or told.reason not in (Reason.SENSOR_FAILED, Reason.CHECK_FAILED))


def recalled(condition: Condition | None) -> dict[str, Settled]:
    """A fault as it was told; what was well or unknown is looked at afresh."""
    if condition is None or condition.status is not Status.TRUE:
        return {}
    verdict = Verdict(
        condition.status, condition.severity, condition.reason, condition.message, condition.suggested_action
    )
    return {name: Settled(Memory(Status.TRUE), verdict) for name in condition.components or [NODE]}


def _ready(checks: Iterable[BoundCheck], window: Sequence[Timed[Any]]) -> list[BoundCheck]:
    return [check for check in checks if len(window) >= check.window]

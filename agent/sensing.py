"""Sensing, put together: the prober and the runner under one configuration, and begun anew when that is read anew."""

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum

import msgspec

from agent import site, spool_full
from agent.binding import BoundSensor, bind_checks, bind_sensors
from agent.checks import Clears, healthy
from agent.clock import Clock
from agent.conditions import Book
from agent.config import Config
from agent.faults.table import Table
from agent.faults.watch import FaultWatch, Rules
from agent.probe import Look, Probe, SensorProbe
from agent.prober.prober import Prober
from agent.prober.protocol import Begin
from agent.runner import Publish, Runner
from agent.sensors import Cadence, Host, Metrics
from agent.settling import Folded
from agent.site import SiteChecks
from agent.tally import Tallied, Tally
from agent.workers.aside import aside
from wire.conditions import Condition, Status

log = logging.getLogger(__name__)

FIGURES_LOOKS = 3  # that may give nothing before the last reading's figures are no longer shown
LONG_AGO = datetime.fromtimestamp(0, UTC)
FAULTS_S = 5.0  # between judgements of faults that age


class Word(StrEnum):
    """Why a condition is FALSE of which nobody tells any more."""

    CLEARED = "cleared"


@dataclass(frozen=True)
class Means:
    """What sensing uses that outlives a configuration. ``dropped``: messages that the spool lost."""

    boot_id: str
    clock: Clock
    book: Book
    publish: Publish
    dropped: Callable[[], int]
    faults: FaultWatch
    tally: Tally = field(default_factory=Tally)


class Sensing:
    """What senses and judges, under one configuration. ``before``: the one that ended, which may have left processes
    behind."""

    def __init__(self, config: Config, found: SiteChecks, means: Means, before: "Sensing | None" = None) -> None:
        self.config, self._faults = config, means.faults
        self.sensors = bind_sensors(config, found)
        host = Host(config.node, config.address, means.boot_id, config.state_dir, config.helper)
        deadlines = {name: sensor.cadence.deadline_s for name, sensor in self.sensors.items()}
        self.prober = Prober(
            Begin(config, found, host),
            deadlines,
            means.clock,
            lambda: _begun_at(means),
            means.faults.heard,
            means.faults.lost,
        )
        if before is not None:
            self.prober.take_over(before.prober)
        checks = [*bind_checks(config, found), spool_full.CHECK]
        asked = [*_probes(self.sensors, self.prober), spool_full.SpoolProbe(means.dropped, means.clock)]
        probes = [Tallied(probe, means.tally) for probe in asked]
        life_s = config.intervals.condition_life_s
        self.runner = Runner(probes, checks, means.book, means.clock, life_s, means.publish)

    async def run(self) -> None:
        self._faults.tells(self.runner.hear)
        try:
            await self.prober.start()
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self.runner.run(), name="runner")
                tasks.create_task(self._judge_faults(), name="faults")
        finally:
            await self.prober.close()

    async def _judge_faults(self) -> None:
        while True:
            self._faults.judge()
            await asyncio.sleep(FAULTS_S)


class Senses:
    """The sensing in force. :meth:`change` begins it anew under another configuration."""

    def __init__(self, config: Config, means: Means) -> None:
        self._config, self._means = config, means
        self._changed = asyncio.Event()
        self._begun = asyncio.Event()  # the one in force is of the newest configuration
        self._now: Sensing | None = None
        self._news: dict[str, bytes] = {}

    async def run(self) -> None:
        while True:
            self._changed.clear()
            self._now = await _prepare(self._config, self._means, self._now)
            if not self._changed.is_set():
                self._begun.set()
            for sensor, news in self._news.items():
                self._now.prober.tell(sensor, news)
            await self._until_changed(self._now)
            log.info("sensing begins anew with the changed configuration")

    def change(self, config: Config, rules: Rules) -> None:
        self._config = config
        self._means.faults.use(rules)
        self._changed.set()
        self._begun.clear()

    async def survey(self) -> list[tuple[str, Folded]]:
        """Of the configuration in force when it ends: one that a change cut off is made anew."""
        while True:
            sensing = await self._in_force()
            found = await sensing.runner.survey()
            if self._is_in_force(sensing):
                return found

    def condition(self, type_: str) -> Condition | None:
        return self._means.book.get(type_)

    async def clear(self, type_: str, components: list[str], words: str) -> None:
        """A person says that a fault is over; looked at anew, :meth:`condition` says what is so."""
        while True:
            sensing = await self._in_force()
            sensing.runner.forget(type_, components)
            self._means.faults.forget(type_, components)
            self._means.faults.judge()
            await sensing.runner.look_again(type_, components, healthy(Word.CLEARED, words))
            if self._is_in_force(sensing):
                return

    def tell(self, sensor: str, news: bytes) -> None:
        self._news[sensor] = news
        if self._now is not None:
            self._now.prober.tell(sensor, news)

    @property
    def newest(self) -> Mapping[str, Look]:
        return {} if self._now is None else self._now.runner.newest

    @property
    def metrics(self) -> Mapping[str, Metrics]:
        """How sensors look on a page of metrics: those whose newest reading tells how it is now."""
        if self._now is None:
            return {}
        now, newest = self._means.clock.boottime(), self.newest
        told = {name: sensor for name, sensor in self._now.sensors.items() if name in newest}
        found = {name: sensor.metrics for name, sensor in told.items() if of_now(newest[name], sensor.cadence, now)}
        return {name: metrics for name, metrics in found.items() if metrics is not None}

    async def _in_force(self) -> Sensing:
        """Waits while sensing begins anew."""
        await self._begun.wait()
        assert self._now is not None
        return self._now

    def _is_in_force(self, sensing: Sensing) -> bool:
        return self._begun.is_set() and sensing is self._now

    async def _until_changed(self, sensing: Sensing) -> None:
        work = asyncio.create_task(sensing.run(), name="sensing")
        changed = asyncio.create_task(self._changed.wait(), name="sensing-changed")
        try:
            await asyncio.wait({work, changed}, return_when=asyncio.FIRST_COMPLETED)
            if work.done():
                work.result()
        finally:
            work.cancel()
            changed.cancel()
            await asyncio.wait({work, changed})


async def _prepare(config: Config, means: Means, before: Sensing | None) -> Sensing:
    return Sensing(config, await aside(lambda: site.look(config)), means, before)


def _probes(sensors: dict[str, BoundSensor], prober: Prober) -> list[Probe]:
    return [SensorProbe(sensor, prober) for sensor in sensors.values() if sensor.attach is not None]


def of_now(look: Look, cadence: Cadence, now: float) -> bool:
    """Whether its figures still hold: facts age, and those of a sensor that fails or hangs are not what is so."""
    return now - look.at <= FIGURES_LOOKS * cadence.every_s + cadence.deadline_s


def _begun_at(means: Means) -> dict[str, str]:
    """Where sources go on: asked for by each process in which sensors are begun."""
    means.tally.probers += 1
    return means.faults.positions()


def after_reboot(config: Config, rules: Table, remembered: Iterable[Condition]) -> list[Condition]:
    """What only a person clears stays; all else is of another boot and looked at afresh: nothing is said of it before
    that. Generations go on, or a controller would take what is said next for old. Blocks, as site.look does."""
    sticking = {check.condition for check in bind_checks(config, site.look(config)) if check.clears is Clears.PERSON}
    sticking |= {row.condition for row in rules.rows.values() if row.clears is Clears.PERSON}
    return [each if each.type in sticking else _of_another_boot(each) for each in remembered]


def _of_another_boot(condition: Condition) -> Condition:
    return msgspec.structs.replace(condition, status=Status.UNKNOWN, expires_at=LONG_AGO)

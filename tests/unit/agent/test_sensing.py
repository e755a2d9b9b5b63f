"""Sensing that begins anew while somebody asks: real sensors in a real prober."""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from agent import sensing, sensors
from agent.clock import SystemClock
from agent.conditions import Book
from agent.config import Config, parse
from agent.faults import table
from agent.faults.watch import FaultWatch
from agent.sensing import Means, Senses
from agent.site import SiteChecks
from wire.conditions import Condition, Status

Run = Callable[[Awaitable[Any]], Any]
KEPT = ("cpu", "memory", "disk_io")  # the last is looked at twice in a survey


class Nowhere:
    def keep_faults(self, *_: Any) -> None: ...
    def forget_faults(self, *_: Any) -> None: ...


class Agent:
    def __init__(self, state: Path) -> None:
        self.clock, self.state, self.told = SystemClock(), state, list[Condition]()
        watch = FaultWatch(table.own(), [], 1, {}, "boot", self.clock, Nowhere(), 300.0)
        book = Book(timedelta(seconds=60))
        publish = lambda conditions, _news: self.told.extend(conditions)  # noqa: E731
        self.senses = Senses(self.config(), Means("boot", self.clock, book, publish, lambda: 0, watch))

    def config(self) -> Config:
        off = "".join(f"[sensors.{name}]\nenabled = false\n" for name in sensors.discover() if name not in KEPT)
        return parse(f'node = "n1"\naddress = "127.0.0.1"\nstate_dir = "{self.state}"\n{off}', "test")

    def change(self) -> None:
        self.senses.change(self.config(), table.own())


@pytest.fixture
def agent(tmp_path: Path) -> Agent:
    return Agent(tmp_path)


def play(agent: Agent, run: Run, story: Callable[[], Awaitable[None]]) -> None:
    async def to_its_end() -> None:
        work = asyncio.create_task(agent.senses.run())
        try:
            await story()
        finally:
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)

    run(to_its_end())


async def begun(agent: Agent) -> None:
    """Its prober runs, and each sensor was read once."""
    await agent.senses.survey()


def unknown(found: Any) -> list[str]:
    return [type_ for type_, folded in found if folded.verdict.status is Status.UNKNOWN]


def test_a_survey_that_a_change_cuts_off_is_made_anew(agent: Agent, run: Run) -> None:
    async def story() -> None:
        await begun(agent)
        asking = asyncio.create_task(agent.senses.survey())
        await asyncio.sleep(0)  # it has begun with the old one
        agent.change()
        found = await asking
        assert unknown(found) == []
        assert {"MemoryPressure", "CpuOverload"} <= {type_ for type_, _ in found}

    play(agent, run, story)


def test_who_asks_while_it_begins_anew_waits_for_that(agent: Agent, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    looking, may_look = threading.Event(), threading.Event()

    def held_up(_config: Config) -> SiteChecks:
        looking.set()
        may_look.wait()
        return SiteChecks()

    async def story() -> None:
        await begun(agent)
        monkeypatch.setattr(sensing.site, "look", held_up)
        agent.change()
        await asyncio.to_thread(looking.wait)
        survey = asyncio.create_task(agent.senses.survey())
        clear = asyncio.create_task(agent.senses.clear("MemoryPressure", [], "cleared by ann"))
        done, _ = await asyncio.wait({survey, clear}, timeout=0.1)
        assert done == set()
        may_look.set()
        assert unknown(await survey) == []
        await clear
        now = agent.senses.condition("MemoryPressure")
        assert now is not None
        assert now.status is not Status.UNKNOWN

    try:
        play(agent, run, story)
    finally:
        may_look.set()

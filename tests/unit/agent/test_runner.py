"""The runner with sensors that fail and hang."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator, Sequence
from datetime import timedelta
from enum import StrEnum
from typing import Any

import msgspec
import pytest

from agent.binding import BoundCheck
from agent.checks import Timed, Verdict, healthy
from agent.clock import SystemClock
from agent.conditions import Book
from agent.config import Intervals
from agent.hysteresis import Rule
from agent.runner import PROBE_HUNG, Runner
from wire.conditions import Condition, Severity, Status

INTERVALS = Intervals(sense_s=0.02, read_deadline_s=0.1, condition_life_s=60.0)
Run = Callable[[Awaitable[Any]], Any]


class Reason(StrEnum):
    GOOD = "good"
    BAD = "bad"


class Reading(msgspec.Struct, frozen=True):
    value: int = 0


def judge(window: Sequence[Timed[Reading]]) -> Verdict:
    if window[-1].reading.value < 0:
        raise ZeroDivisionError("by hand")
    if window[-1].reading.value:
        return Verdict(Status.TRUE, Severity.WARNING, Reason.BAD, "bad")
    return healthy(Reason.GOOD, "good")


def check(sensor: str, rule: Rule | None = None, window: int = 1) -> BoundCheck:
    return BoundCheck(sensor.capitalize(), sensor, window, judge, rule or Rule(1, 1, 1))


class Told:
    """What the runner published."""

    def __init__(self) -> None:
        self.all: list[Condition] = []
        self._more = asyncio.Event()

    def __call__(self, conditions: list[Condition], _news: bool) -> None:
        self.all += conditions
        self._more.set()

    async def until(self, type_: str, status: Status) -> Condition:
        while True:
            for condition in self.all:
                if (condition.type, condition.status) == (type_, status):
                    return condition
            self._more.clear()
            await self._more.wait()


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    """Sensors hang until it is set."""
    event = threading.Event()
    yield event
    event.set()


def runner(reads: dict[str, Callable[[], Reading]], bound: list[BoundCheck], told: Told) -> Runner:
    return Runner(reads, bound, Book(timedelta(seconds=60)), SystemClock(), INTERVALS, told)


async def while_running(subject: Runner, work: Awaitable[Any]) -> Any:
    task = asyncio.create_task(subject.run())
    try:
        return await work
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def test_a_hanging_sensor_is_a_fault_and_does_not_hold_up_the_others(run: Run, gate: threading.Event) -> None:
    looks = {"stuck": 0, "lively": 0}

    def stuck() -> Reading:
        looks["stuck"] += 1
        gate.wait(30)
        return Reading()

    def lively() -> Reading:
        looks["lively"] += 1
        return Reading()

    async def story() -> None:
        told = Told()
        subject = runner({"stuck": stuck, "lively": lively}, [check("stuck"), check("lively")], told)

        async def chapter() -> None:
            await told.until("Lively", Status.FALSE)
            hung = await told.until(PROBE_HUNG, Status.TRUE)
            assert "stuck" in hung.message
            await told.until("Stuck", Status.UNKNOWN)
            before = looks["lively"]
            while looks["lively"] < before + 10:
                await asyncio.sleep(0.01)
            assert looks["stuck"] == 1  # nothing piles up
            gate.set()
            await told.until("Stuck", Status.FALSE)

        await while_running(subject, chapter())
        cleared = [condition.status for condition in told.all if condition.type == PROBE_HUNG]
        assert cleared == [Status.FALSE, Status.TRUE, Status.FALSE]

    run(story())


def test_a_sensor_that_raises_is_unknown_and_logged_once(run: Run, caplog: pytest.LogCaptureFixture) -> None:
    looks = 0

    def broken() -> Reading:
        nonlocal looks
        looks += 1
        raise OSError("no such device")

    async def story() -> None:
        told = Told()

        async def chapter() -> None:
            unknown = await told.until("Broken", Status.UNKNOWN)
            assert "no such device" in unknown.message
            while looks < 5:
                await asyncio.sleep(0.01)

        await while_running(runner({"broken": broken}, [check("broken")], told), chapter())

    run(story())
    assert [record.getMessage() for record in caplog.records] == ["sensor broken failed: OSError: no such device"]


def test_a_check_that_raises_is_unknown(run: Run) -> None:
    async def story() -> None:
        told = Told()
        unknown = await while_running(
            runner({"one": lambda: Reading(-1)}, [check("one")], told), told.until("One", Status.UNKNOWN)
        )
        assert unknown.reason == "check_failed"

    run(story())


def test_only_changes_are_told_and_hysteresis_holds(run: Run) -> None:
    values = iter([0, 1, 0, 1, 1, 1, *[1] * 10_000])
    looks = 0

    def sensor() -> Reading:
        nonlocal looks
        looks += 1
        return Reading(next(values))

    async def story() -> list[Condition]:
        told = Told()

        async def chapter() -> None:
            await told.until("One", Status.TRUE)
            assert looks >= 5
            while looks < 12:
                await asyncio.sleep(0.01)

        await while_running(runner({"one": sensor}, [check("one", Rule(3, 5, 2))], told), chapter())
        return [condition for condition in told.all if condition.type == "One"]

    told = run(story())
    assert [condition.status for condition in told] == [Status.FALSE, Status.TRUE]
    assert [condition.generation for condition in told] == [1, 2]


def test_a_survey_reads_each_sensor_as_often_as_its_checks_need(run: Run) -> None:
    looks = {"one": 0, "two": 0}

    def sensor(name: str) -> Callable[[], Reading]:
        def read() -> Reading:
            looks[name] += 1
            return Reading(1 if name == "two" else 0)

        return read

    async def story() -> None:
        reads = {name: sensor(name) for name in looks}
        subject = runner(reads, [check("one"), check("two", Rule(5, 5, 5), window=2)], Told())
        found = await subject.survey()
        assert [(type_, verdict.status) for type_, verdict in found] == [("One", Status.FALSE), ("Two", Status.TRUE)]

    run(story())
    assert looks == {"one": 1, "two": 2}


def test_a_survey_ends_in_time_though_a_sensor_hangs(run: Run, gate: threading.Event) -> None:
    def stuck() -> Reading:
        gate.wait(30)
        return Reading()

    async def story() -> None:
        found = await runner({"stuck": stuck}, [check("stuck")], Told()).survey()
        assert [(type_, verdict.status) for type_, verdict in found] == [("Stuck", Status.UNKNOWN)]

    run(story())

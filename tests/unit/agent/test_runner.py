"""The runner with probes that fail and hang; that real ones do is the prober's test."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

import msgspec
import pytest

from agent.binding import BoundCheck
from agent.checks import Clears, Judged, Timed, Verdict, healthy
from agent.clock import SystemClock
from agent.conditions import Book
from agent.hysteresis import Rule
from agent.probe import Look
from agent.prober.prober import Hung
from agent.runner import PROBE_HUNG, Runner
from wire.conditions import Condition, Severity, Status

EVERY_S = 0.01
Run = Callable[[Awaitable[Any]], Any]


class Reason(StrEnum):
    GOOD = "good"
    BAD = "bad"


class Reading(msgspec.Struct, frozen=True):
    value: int = 0


def judge(window: Sequence[Timed[Reading]]) -> Judged:
    if window[-1].reading.value < 0:
        raise ZeroDivisionError("by hand")
    if window[-1].reading.value:
        return Verdict(Status.TRUE, Severity.WARNING, Reason.BAD, "bad")
    return healthy(Reason.GOOD, "good")


def check(sensor: str, rule: Rule | None = None, window: int = 1) -> BoundCheck:
    return BoundCheck(sensor.capitalize(), sensor, window, judge, rule or Rule(1, 1, 1))


class PlayedProbe:
    """Each look plays the next thing of ``course``, and the last one for ever: a value, an error, or None."""

    def __init__(self, name: str, course: Iterable[int | Exception | None]) -> None:
        self.name, self.every_s, self.looks = name, EVERY_S, 0
        self._course, self._now = iter(course), None

    async def read(self) -> Look:
        self.looks += 1
        self._now = next(self._course, self._now)
        if isinstance(self._now, Exception):
            raise self._now
        return Look(float(self.looks), 0.0, None if self._now is None else Reading(self._now))


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


def runner(probes: list[PlayedProbe], bound: list[BoundCheck], told: Told, book: Book | None = None) -> Runner:
    return Runner(probes, bound, book or Book(timedelta(seconds=60)), SystemClock(), 60.0, told)


async def while_running(subject: Runner, work: Awaitable[Any]) -> Any:
    task = asyncio.create_task(subject.run())
    try:
        return await work
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


FAILED_FIRST = Condition(  # as an agent of the boot before remembers it
    "Disks", Status.UNKNOWN, Severity.WARNING, "sensor_failed", "said", datetime(2026, 1, 1, tzinfo=UTC), 1,
    datetime(1970, 1, 1, tzinfo=UTC),
)  # fmt: skip


async def looked(probe: PlayedProbe, times: int) -> None:
    while probe.looks < times:
        await asyncio.sleep(EVERY_S)


def test_a_sensor_that_hangs_is_a_fault_of_its_own(run: Run) -> None:
    probe = PlayedProbe("stuck", [0, *[Hung("no answer")] * 3, 0])

    async def story() -> list[Condition]:
        told = Told()

        async def chapter() -> None:
            hung = await told.until(PROBE_HUNG, Status.TRUE)
            assert hung.components == ["stuck"]
            await told.until("Stuck", Status.UNKNOWN)
            await looked(probe, 8)

        await while_running(runner([probe], [check("stuck")], told), chapter())
        return told.all

    told = run(story())
    assert [each.status for each in told if each.type == PROBE_HUNG] == [Status.FALSE, Status.TRUE, Status.FALSE]
    assert [each.status for each in told if each.type == "Stuck"] == [Status.FALSE, Status.UNKNOWN, Status.FALSE]


def test_a_sensor_that_raises_is_unknown_and_logged_once(run: Run, caplog: pytest.LogCaptureFixture) -> None:
    probe = PlayedProbe("broken", [OSError("no such device")])

    async def story() -> None:
        told = Told()

        async def chapter() -> None:
            unknown = await told.until("Broken", Status.UNKNOWN)
            assert "no such device" in unknown.message
            await looked(probe, 5)

        await while_running(runner([probe], [check("broken")], told), chapter())

    run(story())
    assert [record.getMessage() for record in caplog.records] == ["sensor broken failed: no such device"]


def test_what_a_machine_does_not_have_is_not_spoken_of(run: Run) -> None:
    absent, there = PlayedProbe("absent", [None]), PlayedProbe("there", [0])

    async def story() -> None:
        told = Told()
        subject = runner([absent, there], [check("absent"), check("there")], told)
        await while_running(subject, told.until("There", Status.FALSE))
        assert "Absent" not in {condition.type for condition in told.all}
        assert [type_ for type_, _ in await subject.survey()] == ["There"]

    run(story())


def test_what_was_said_of_a_thing_that_is_gone_is_taken_back(run: Run) -> None:
    async def story() -> None:
        told = Told()

        async def chapter() -> None:
            await told.until("One", Status.TRUE)
            gone = await told.until("One", Status.FALSE)
            assert gone.reason == "not_present"

        await while_running(runner([PlayedProbe("one", [1, 1, None])], [check("one")], told), chapter())

    run(story())


def test_a_check_that_raises_is_unknown(run: Run) -> None:
    async def story() -> None:
        told = Told()
        subject = runner([PlayedProbe("one", [-1])], [check("one")], told)
        unknown = await while_running(subject, told.until("One", Status.UNKNOWN))
        assert unknown.reason == "check_failed"

    run(story())


def test_only_changes_are_told_and_hysteresis_holds(run: Run) -> None:
    probe = PlayedProbe("one", [0, 1, 0, 1, 1, 1])

    async def story() -> list[Condition]:
        told = Told()

        async def chapter() -> None:
            await told.until("One", Status.TRUE)
            assert probe.looks >= 5
            await looked(probe, 12)

        await while_running(runner([probe], [check("one", Rule(3, 5, 2))], told), chapter())
        return [condition for condition in told.all if condition.type == "One"]

    told = run(story())
    assert [condition.status for condition in told] == [Status.FALSE, Status.TRUE]
    assert [condition.generation for condition in told] == [1, 2]


def by_value(window: Sequence[Timed[Reading]]) -> Judged:
    """A component for each bit that is set."""
    value = window[-1].reading.value
    bad = Verdict(Status.TRUE, Severity.CRITICAL, Reason.BAD, "bad")
    return {f"g{bit}": bad if value >> bit & 1 else healthy(Reason.GOOD, "good") for bit in range(3)}


def test_one_more_component_is_news(run: Run) -> None:
    probe = PlayedProbe("one", [0b001, 0b001, 0b101])
    bound = BoundCheck("Gpu", "one", 1, by_value, Rule(1, 1, 1))

    async def story() -> list[Condition]:
        told = Told()
        await while_running(runner([probe], [bound], told), looked(probe, 6))
        return [condition for condition in told.all if condition.type == "Gpu"]

    assert [(each.generation, each.components) for each in run(story())] == [(1, ["g0"]), (2, ["g0", "g2"])]


def test_what_a_person_must_clear_outlives_the_agent_until_then(run: Run) -> None:
    bound = BoundCheck("Gpu", "one", 1, by_value, Rule(1, 1, 1), Clears.PERSON)

    async def story() -> None:
        told = Told()
        await while_running(runner([PlayedProbe("one", [1])], [bound], told), told.until("Gpu", Status.TRUE))
        again, probe = Told(), PlayedProbe("one", [0])
        subject = runner([probe], [bound], again, Book(timedelta(seconds=60), [told.all[-1]]))

        async def chapter() -> None:
            await looked(probe, 5)
            assert "Gpu" not in {condition.type for condition in again.all}  # it stands as it was told
            ((_, surveyed),) = await subject.survey()
            assert surveyed.verdict.status is Status.TRUE
            subject.forget("Gpu", [])
            await subject.look_again("Gpu", [], healthy(Reason.GOOD, "a person says so"))
            await again.until("Gpu", Status.FALSE)

        await while_running(subject, chapter())

    run(story())


@pytest.mark.parametrize(
    ("seen", "components", "status", "left", "message"),
    [
        (0b00, [], Status.FALSE, [], "all 3 well; good"),
        (0b01, [], Status.TRUE, ["g0"], "g0: bad"),
        (0b00, ["g0"], Status.TRUE, ["g1"], "g1: bad"),
        (0b01, ["g0"], Status.TRUE, ["g0", "g1"], "g0, g1: bad"),
        (None, [], Status.FALSE, [], "a person says so"),
        (OSError("no driver"), [], Status.UNKNOWN, [], "sensor one failed: no driver"),
    ],
    ids=["over", "still so of one", "one is over", "neither is", "nobody tells of it", "cannot be read"],
)
def test_what_was_forgotten_is_looked_at_at_once(
    run: Run, seen: int | Exception | None, components: list[str], status: Status, left: list[str], message: str
) -> None:
    """Two were TRUE, and stick. One look is enough, and nothing is said before: what is still so was never over."""
    probe, told, book = PlayedProbe("one", [0b11, seen]), Told(), Book(timedelta(seconds=60))
    bound = BoundCheck("Gpu", "one", 1, by_value, Rule(1, 3, 3), Clears.PERSON)

    async def story() -> None:
        subject = runner([probe], [bound], told, book)
        await subject._round(probe)  # type: ignore[arg-type] - a probe by its shape
        assert told.all[-1].components == ["g0", "g1"]
        subject.forget("Gpu", components)
        await subject.look_again("Gpu", components, healthy(Reason.GOOD, "a person says so"))

    run(story())
    now = book.get("Gpu")
    assert now is not None
    assert (now.status, now.components, now.message) == (status, left, message)
    assert len(told.all) <= 2


def test_a_survey_reads_each_sensor_as_often_as_its_checks_need(run: Run) -> None:
    one, two = PlayedProbe("one", [0]), PlayedProbe("two", [1])

    async def story() -> None:
        found = await runner([one, two], [check("one"), check("two", Rule(5, 5, 5), window=2)], Told()).survey()
        assert [(type_, folded.verdict.status) for type_, folded in found] == [
            ("One", Status.FALSE),
            ("Two", Status.TRUE),
        ]

    run(story())
    assert (one.looks, two.looks) == (1, 2)


@pytest.mark.parametrize(
    ("error", "before", "worst", "hides"),
    [
        (Hung("no answer"), None, Severity.CRITICAL, Severity.CRITICAL),
        (Hung("no answer"), None, Severity.WARNING, Severity.WARNING),
        (OSError("gone"), None, Severity.CRITICAL, Severity.INFO),  # it never gave a reading on this node
        (OSError("gone"), FAILED_FIRST, Severity.CRITICAL, Severity.INFO),
        (OSError("gone"), msgspec.structs.replace(FAILED_FIRST, generation=2), Severity.CRITICAL, Severity.CRITICAL),
        (OSError("gone"), msgspec.structs.replace(FAILED_FIRST, reason="good"), Severity.CRITICAL, Severity.CRITICAL),
        (OSError("gone"), msgspec.structs.replace(FAILED_FIRST, reason="good"), Severity.WARNING, Severity.WARNING),
    ],
)
def test_what_may_hide_behind_a_sensor_that_does_not_tell(
    run: Run, error: Exception, before: Condition | None, worst: Severity, hides: Severity
) -> None:
    bound = replace(check("disks"), worst=worst)
    book = Book(timedelta(seconds=60), [before] if before else [])

    async def story() -> None:
        found = dict(await runner([PlayedProbe("disks", [error])], [bound], Told(), book).survey())
        assert (found["Disks"].verdict.status, found["Disks"].verdict.hides) == (Status.UNKNOWN, hides)

    run(story())


def test_a_survey_has_faults_that_were_told(run: Run) -> None:
    async def story() -> None:
        subject = runner([PlayedProbe("one", [0])], [check("one")], Told())
        subject.hear("Xid", {"0000:3b:00": Verdict(Status.TRUE, Severity.CRITICAL, Reason.BAD, "Xid 79")})
        found = dict(await subject.survey())
        assert found["Xid"].components == ["0000:3b:00"]

    run(story())


def test_several_sensors_tell_of_one_condition(run: Run) -> None:
    """One that has nothing (any more), or fails, takes nothing back that another says."""

    def by_name(name: str) -> BoundCheck:
        judge_named = lambda window: {name: judge(window)}  # noqa: E731 - the check's own components
        return BoundCheck("Down", name, 1, judge_named, Rule(1, 1, 1))

    bad, gone, failing = (
        PlayedProbe("bad", [1]),
        PlayedProbe("gone", [1, None]),
        PlayedProbe("failing", [OSError("no such thing")]),
    )
    probes, book = [bad, gone, failing], Book(timedelta(seconds=60))

    async def story() -> Any:
        subject = runner(probes, [by_name(probe.name) for probe in probes], Told(), book)
        await while_running(subject, asyncio.gather(looked(bad, 3), looked(gone, 2), looked(failing, 3)))
        return await runner([bad, failing], [by_name("bad"), by_name("failing")], Told()).survey()

    surveyed = dict(run(story()))
    for condition in (book.get("Down"), surveyed["Down"]):
        assert condition is not None
        assert condition.components == ["bad"]


HOUR = timedelta(hours=1)


def remembered(type_: str, at: datetime, components: Sequence[str] = ()) -> Condition:
    life = timedelta(seconds=60)
    return Condition(type_, Status.TRUE, Severity.CRITICAL, "bad", "bad", at, 7, at + life, "", list(components))


@pytest.mark.parametrize(
    ("ago", "said"),
    [(timedelta(), [Status.TRUE, Status.FALSE]), (HOUR, [Status.FALSE])],
    ids=["it still counts", "it is long over"],
)
def test_a_fault_that_was_told_is_not_told_again_when_it_is_of_long_ago(
    run: Run, ago: timedelta, said: list[Status]
) -> None:
    """Law 3: after a restart nothing old starts an action."""
    book = Book(timedelta(seconds=60), [remembered("Hot", SystemClock().utc() - ago)])
    looks: list[Status] = []

    def judged(window: Sequence[Timed[Reading]]) -> Judged:
        current = book.get("Hot")
        assert current is not None
        looks.append(current.status)
        return judge(window)

    hot = BoundCheck("Hot", "hot", 1, judged, Rule(1, 1, 2))
    told = Told()
    run(while_running(runner([PlayedProbe("hot", [0])], [hot], told, book), told.until("Hot", Status.FALSE)))
    assert [each.status for each in told.all if each.type == "Hot"] in (said, said[-1:])
    assert len(looks) == len(said)


def test_what_only_a_person_clears_counts_however_old_it_is(run: Run) -> None:
    book = Book(timedelta(seconds=60), [remembered("Hot", SystemClock().utc() - HOUR)])
    hot = BoundCheck("Hot", "hot", 1, judge, Rule(1, 1, 1), Clears.PERSON)
    told = Told()
    run(while_running(runner([PlayedProbe("hot", [0])], [hot], told, book), told.until("Hot", Status.TRUE)))
    assert {each.status for each in told.all if each.type == "Hot"} == {Status.TRUE}


def test_a_sensor_that_hung_when_the_agent_ended_is_not_well_before_it_answers(run: Run) -> None:
    book = Book(timedelta(seconds=60), [remembered(PROBE_HUNG, SystemClock().utc(), ["stuck", "removed"])])
    probe = PlayedProbe("stuck", [Hung("no answer")])

    async def story() -> list[Condition]:
        told = Told()
        await while_running(runner([probe], [], told, book), looked(probe, 3))
        return told.all

    assert [each.components for each in run(story()) if each.type == PROBE_HUNG] == [["stuck"]]


def test_what_a_person_cleared_is_said_until_its_sensor_looks_again(run: Run) -> None:
    """A sensor that looks once an hour."""
    probe = PlayedProbe("rare", [1])
    probe.every_s = 3600.0
    book = Book(timedelta(seconds=60))
    subject = runner([probe], [check("rare")], Told(), book)
    run(subject.look_again("Rare", [], healthy(Reason.GOOD, "cleared")))
    condition = book.get("Rare")
    assert condition is not None
    assert condition.expires_at - SystemClock().utc() > HOUR

"""Orders from the gate to their outcome, with a real memory on disk."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from agent.database import Database
from agent.dispatch import Dispatcher
from agent.memory import OrderMemory, OrderState
from agent.outbox import Outbox
from agent.pulse import Pulse
from agent.spool import Spool
from wire.messages import Spooled, decode_from_agent
from wire.orders import Order, Outcome, OutcomeReason, OutcomeStatus, StopAttempt, ValidateNode

Run = Callable[[Awaitable[Any]], Any]


class Desk:
    """A dispatcher whose orders are carried out by the test."""

    def __init__(self, clock: Any, spool: Spool, memory: OrderMemory, outbox: Outbox, tasks: asyncio.TaskGroup) -> None:
        self.clock, self.spool, self.memory = clock, spool, memory
        self.done: list[str] = []
        self.finish = asyncio.Event()
        self.outbox = outbox
        node: Any = SimpleNamespace(
            boot_id="boot",
            clock=clock,
            config=SimpleNamespace(held=False),
            parts=SimpleNamespace(statuses=list),
        )
        self.dispatcher = Dispatcher(
            node, self.outbox, Pulse(clock), tasks, {StopAttempt: self._stop, ValidateNode: self._break}
        )

    async def _stop(self, order: Order, _kind: object, _node: object) -> Outcome:
        await self.finish.wait()
        self.done.append(order.key)
        return Outcome(order.key, OutcomeStatus.DONE, OutcomeReason.OK)

    async def _break(self, _order: Order, _kind: object, _node: object) -> Outcome:
        raise ZeroDivisionError("by hand")

    def outcomes(self) -> list[Outcome]:
        messages = [decode_from_agent(pending.frame) for pending in self.spool.after(0)]
        return [
            message.body for message in messages if isinstance(message, Spooled) and isinstance(message.body, Outcome)
        ]

    async def until(self, count: int) -> list[Outcome]:
        """So many outcomes are spooled."""
        while len(self.outcomes()) < count:
            self.outbox.grown.clear()
            await self.outbox.grown.wait()
        return self.outcomes()


@pytest.fixture
def at_desk(
    clock: Any, spool: Spool, order_memory: OrderMemory, outbox: Outbox, run: Run
) -> Callable[[Callable[[Desk], Any]], None]:
    def tell(story: Callable[[Desk], Awaitable[None]]) -> None:
        async def told() -> None:
            async with asyncio.TaskGroup() as tasks:
                desk = Desk(clock, spool, order_memory, outbox, tasks)
                await story(desk)
            desk.outbox.close()

        run(told())

    return tell


def stop(key: str = "k", epoch: int = 1) -> Order:
    return Order(key, epoch, StopAttempt("job-1", 1, 1.0), decision=1)


def test_an_order_is_carried_out_once_however_often_it_comes(at_desk: Any) -> None:
    async def story(desk: Desk) -> None:
        for _ in range(3):
            desk.dispatcher.take(stop(), 0)
        desk.finish.set()
        first = await desk.until(1)
        desk.dispatcher.take(stop(), 0)
        assert await desk.until(2) == first * 2
        assert desk.done == ["k"]

    at_desk(story)


def test_it_is_on_disk_before_it_is_begun(at_desk: Any) -> None:
    async def story(desk: Desk) -> None:
        desk.dispatcher.take(stop(), 0)
        while (seen := desk.memory.recall("k")) is None:
            await asyncio.sleep(0.01)
        assert seen.state is OrderState.ACCEPTED
        assert desk.done == []
        desk.finish.set()

    at_desk(story)


def test_a_stop_does_not_wait_for_a_disk_that_is_full(at_desk: Any, database: Database) -> None:
    async def story(desk: Desk) -> None:
        database.reader.execute("PRAGMA query_only = ON")
        desk.finish.set()
        desk.dispatcher.take(stop(), 0)
        desk.dispatcher.take(Order("other", 1, ValidateNode(), decision=1), 0)
        while not desk.done:
            await asyncio.sleep(0.01)

    at_desk(story)


def test_an_interrupted_order_is_taken_up_again(at_desk: Any) -> None:
    async def story(desk: Desk) -> None:
        desk.memory.accept(stop("interrupted"))
        desk.finish.set()
        await desk.dispatcher.resume(0)
        (outcome,) = await desk.until(1)
        assert (outcome.key, outcome.status) == ("interrupted", OutcomeStatus.DONE)

    at_desk(story)


def test_an_interrupted_order_of_an_old_epoch_waits_to_be_asked_again(at_desk: Any) -> None:
    async def story(desk: Desk) -> None:
        desk.memory.accept(stop("interrupted", epoch=1))
        desk.memory.saw_epoch(2)
        desk.finish.set()
        await desk.dispatcher.resume(0)
        desk.dispatcher.take(stop("other", epoch=2), 0)
        assert [outcome.key for outcome in await desk.until(1)] == ["other"]
        desk.dispatcher.take(stop("interrupted", epoch=2), 0)
        assert [outcome.key for outcome in await desk.until(2)] == ["other", "interrupted"]

    at_desk(story)


def test_an_old_epoch_is_refused_and_the_key_stays_free(at_desk: Any) -> None:
    async def story(desk: Desk) -> None:
        desk.memory.saw_epoch(2)
        desk.finish.set()
        desk.dispatcher.take(stop(epoch=1), 0)
        (refused,) = await desk.until(1)
        assert (refused.status, refused.reason) == (OutcomeStatus.REFUSED, OutcomeReason.OLD_EPOCH)
        desk.dispatcher.take(stop(epoch=2), 0)
        assert (await desk.until(2))[1].status is OutcomeStatus.DONE

    at_desk(story)


def test_an_expired_order_is_refused_for_ever(at_desk: Any) -> None:
    async def story(desk: Desk) -> None:
        late = Order("k", 1, StopAttempt("job-1", 1, 1.0), 1, expires_at=desk.clock.utc() - timedelta(seconds=1))
        desk.dispatcher.take(late, 0)
        (refused,) = await desk.until(1)
        assert refused.reason is OutcomeReason.EXPIRED
        assert desk.done == []

    at_desk(story)


def test_what_came_before_a_suspension_is_dropped(at_desk: Any) -> None:
    async def story(desk: Desk) -> None:
        desk.dispatcher.take(stop("old"), 0)
        desk.clock.seconds += 10
        desk.finish.set()
        await asyncio.sleep(0)
        while desk.dispatcher._running:
            await asyncio.sleep(0.01)
        assert desk.outcomes() == []
        desk.dispatcher.take(stop("old"), 1)
        assert [outcome.key for outcome in await desk.until(1)] == ["old"]

    at_desk(story)


def test_an_order_that_breaks_is_answered(at_desk: Any) -> None:
    async def story(desk: Desk) -> None:
        desk.dispatcher.take(Order("k", 1, ValidateNode(), 1), 0)
        (outcome,) = await desk.until(1)
        assert (outcome.status, outcome.reason) == (OutcomeStatus.FAILED, OutcomeReason.INTERNAL)
        assert "ZeroDivisionError: by hand" in outcome.message

    at_desk(story)


def test_an_order_of_an_unknown_kind_is_refused_by_its_key(at_desk: Any) -> None:
    async def story(desk: Desk) -> None:
        desk.dispatcher.refuse_unknown("new", "cannot read it")
        (outcome,) = await desk.until(1)
        assert (outcome.key, outcome.reason) == ("new", OutcomeReason.UNKNOWN_ORDER)

    at_desk(story)

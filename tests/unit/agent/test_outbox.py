import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from agent import spool_full
from agent.checks import Timed
from agent.database import Database
from agent.outbox import Outbox
from agent.spool import Spool
from wire.conditions import Condition, Severity, Status
from wire.messages import Spooled, decode_from_agent
from wire.orders import Outcome, OutcomeReason, OutcomeStatus

Run = Callable[[Awaitable[Any]], Any]
NOW = datetime(2026, 1, 1, tzinfo=UTC)
CONDITION = Condition("T", Status.TRUE, Severity.INFO, "r", "m", NOW, 1, NOW)


def outcome(key: str) -> Outcome:
    return Outcome(key, OutcomeStatus.DONE, OutcomeReason.OK)


def test_what_is_posted_first_is_numbered_first_and_wakes_the_sender(run: Run, outbox: Outbox) -> None:
    async def story() -> None:
        for number in range(50):
            outbox.post(outcome(str(number)))
        await outbox.grown.wait()
        found = await outbox.pending(0)
        assert [pending.seq for pending in found] == list(range(1, 51))
        bodies = [decode_from_agent(pending.frame) for pending in found]
        assert bodies == [Spooled(number + 1, outcome(str(number))) for number in range(50)]
        outbox.close()

    run(story())


def test_renewals_are_not_kept_while_there_is_no_link(run: Run, outbox: Outbox) -> None:
    async def story() -> None:
        outbox.tell([CONDITION], news=False)
        assert await outbox.pending(0) == []
        outbox.tell([CONDITION], news=True)
        assert len(await outbox.pending(0)) == 1
        outbox.connected = True
        outbox.tell([CONDITION], news=False)
        assert len(await outbox.pending(0)) == 2
        outbox.close()

    run(story())


def test_what_cannot_be_written_is_told_and_the_link_begins_anew(
    run: Run, database: Database, outbox: Outbox, caplog: pytest.LogCaptureFixture
) -> None:
    database.reader.execute("PRAGMA query_only = ON")

    async def story() -> None:
        outbox.post(outcome("lost"))
        await asyncio.wait_for(outbox.grown.wait(), 5)
        assert outbox.take_failure()
        assert not outbox.take_failure()
        outbox.close()

    with caplog.at_level(logging.ERROR):
        run(story())
    assert "the spool cannot be written" in caplog.text


def test_a_spool_that_dropped_something_is_a_fault() -> None:
    kept, dropped = (spool_full.judge([Timed(0.0, spool_full.Reading(count))]) for count in (0, 3))
    assert (kept.status, dropped.status) == (Status.FALSE, Status.TRUE)
    assert "3 messages" in dropped.message


def test_what_cannot_be_deleted_costs_no_link(
    run: Run, database: Database, spool: Spool, outbox: Outbox, caplog: pytest.LogCaptureFixture
) -> None:
    spool.append(outcome("told"))
    database.reader.execute("PRAGMA query_only = ON")

    async def story() -> None:
        outbox.acknowledged(1)
        assert len(await outbox.pending(0)) == 1
        await asyncio.sleep(0)
        assert not outbox.take_failure()
        outbox.close()

    run(story())
    assert "the spool cannot be written" in caplog.text

import asyncio
from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from controller.state.models import Epoch, Hold, Node
from controller.state.store import SQLITE_CACHE_KIB, Store, changed_one

NOON = datetime(2026, 1, 2, 12, 0, 0, 123456, tzinfo=UTC)


def a_node(name: str = "n1", joined_at: datetime = NOON, memory_bytes: int = 0) -> Node:
    return Node(
        name=name,
        phase="ready",
        phase_since=joined_at,
        address="127.0.0.11",
        fingerprint="",
        joined_at=joined_at,
        memory_bytes=memory_bytes,
    )


def the_node(session: Session) -> Node:
    return session.execute(select(Node)).scalar_one()


def add_node(store: Store, **fields: object) -> None:
    store.transact(lambda session: session.add(a_node(**fields)))  # type: ignore[arg-type]


@pytest.mark.parametrize("zone", [UTC, timezone(timedelta(hours=-8))])
def test_a_time_comes_back_as_the_same_instant_in_utc(store: Store, zone: timezone) -> None:
    add_node(store, joined_at=NOON.astimezone(zone))

    joined_at = store.transact(the_node).joined_at

    assert joined_at == NOON
    assert joined_at.utcoffset() == timedelta(0)


def test_times_compare_as_instants_in_sql(store: Store) -> None:
    add_node(store)
    a_bit_later = (NOON + timedelta(seconds=1)).astimezone(timezone(timedelta(hours=-8)))

    earlier = store.transact(
        lambda session: session.scalars(select(Node.name).where(Node.joined_at < a_bit_later)).all()
    )

    assert earlier == ["n1"]


def test_a_node_with_terabytes_of_memory_fits(store: Store) -> None:
    add_node(store, memory_bytes=4 * 2**40)

    assert store.transact(the_node).memory_bytes == 4 * 2**40


def test_json_comes_back_as_it_was(store: Store) -> None:
    accelerators = [{"uuid": "GPU-1", "kind": "H200", "größe": None}]

    def work(session: Session) -> None:
        node = a_node()
        node.accelerators = accelerators
        session.add(node)

    store.transact(work)

    assert store.transact(the_node).accelerators == accelerators


def test_a_transaction_that_fails_writes_nothing(store: Store) -> None:
    def work(session: Session) -> None:
        session.add(a_node("n1"))
        session.flush()
        session.add(a_node("n2"))
        session.flush()
        raise RuntimeError("on second thoughts")

    with pytest.raises(RuntimeError):
        store.transact(work)

    assert store.transact(lambda session: session.scalars(select(Node)).all()) == []


def test_a_row_cannot_name_what_does_not_exist(store: Store) -> None:
    with pytest.raises(IntegrityError):
        store.transact(lambda session: session.add(Hold(node="nobody", owner="person:eve", reason="", created_at=NOON)))


def test_only_the_first_claim_of_a_row_changes_it(store: Store) -> None:
    add_node(store)
    claim = update(Node).where(Node.name == "n1", Node.phase == "ready").values(phase="draining")

    claims = [store.transact(lambda session: changed_one(session, claim)) for _ in range(2)]

    assert claims == [True, False]


def test_every_start_gets_a_higher_epoch(store: Store) -> None:
    def start(session: Session) -> int:
        row = Epoch(instance="", version="", started_at=NOON)
        session.add(row)
        session.flush()
        return row.epoch

    first, second = store.transact(start), store.transact(start)

    assert second > first


def test_work_from_the_event_loop_is_done_in_one_transaction(store: Store) -> None:
    async def work() -> int:
        await store.run(lambda session: session.add(a_node()))
        return await store.run(lambda session: len(session.scalars(select(Node)).all()))

    assert asyncio.run(work()) == 1


def test_whoever_looks_does_not_wait_for_a_writer_and_changes_nothing(store: Store) -> None:
    add_node(store)

    def write_while_somebody_looks(session: Session) -> str:
        session.execute(update(Node).values(phase="draining"))
        return store.look(lambda looking: looking.scalars(select(Node.phase)).one())

    assert store.transact(write_while_somebody_looks) == "ready"
    store.look(lambda looking: looking.execute(update(Node).values(phase="retired")))
    assert store.transact(the_node).phase == "draining"


def test_the_page_cache_of_every_sqlite_connection_is_bounded(store: Store) -> None:
    if store.url.get_backend_name() != "sqlite":
        pytest.skip("SQLite's own page cache")
    size = text("PRAGMA cache_size")
    writing = store.transact(lambda session: session.scalar(size))
    reading = store.look(lambda session: session.scalar(size))
    assert (writing, reading) == (-SQLITE_CACHE_KIB, -SQLITE_CACHE_KIB)

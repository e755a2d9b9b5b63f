from pathlib import Path

from agent.database import Database
from agent.memory import OrderMemory, OrderState, Remembered
from agent.spool import Spool
from wire.orders import Order, Outcome, OutcomeReason, OutcomeStatus, ValidateNode


def order(key: str = "k") -> Order:
    return Order(key, 3, ValidateNode(), decision=1)


def outcome(key: str = "k") -> Outcome:
    return Outcome(key, OutcomeStatus.DONE, OutcomeReason.OK)


def test_accepted_then_ended(order_memory: OrderMemory, spool: Spool) -> None:
    assert order_memory.recall("k") is None
    order_memory.accept(order())
    assert order_memory.recall("k") == Remembered(OrderState.ACCEPTED)
    assert order_memory.unfinished() == [order()]
    order_memory.finish(outcome(), order())
    assert order_memory.recall("k") == Remembered(OrderState.ENDED, outcome())
    assert order_memory.unfinished() == []
    assert len(spool.after(0)) == 1


def test_outlives_the_process(tmp_path: Path) -> None:
    database = Database(tmp_path / "a.db")
    memory = OrderMemory(database, Spool(database))
    memory.accept(order("begun"))
    memory.finish(outcome("done"), order("done"))
    memory.saw_epoch(7)
    database.close()
    database = Database(tmp_path / "a.db")
    memory = OrderMemory(database, Spool(database))
    assert memory.unfinished() == [order("begun")]
    assert memory.recall("done") == Remembered(OrderState.ENDED, outcome("done"))
    assert memory.highest_epoch == 7
    database.close()


def test_the_highest_epoch_never_falls(order_memory: OrderMemory) -> None:
    for epoch in (3, 9, 4):
        order_memory.saw_epoch(epoch)
    assert order_memory.highest_epoch == 9


def test_forgets_the_oldest_that_ended_and_nothing_unfinished(database: Database, spool: Spool) -> None:
    memory = OrderMemory(database, spool, keep=5)
    memory.accept(order("unfinished"))
    for number in range(20):
        memory.finish(outcome(str(number)), order(str(number)))
    assert memory.recall("14") is None
    assert memory.recall("15") is not None
    assert memory.recall("unfinished") is not None


def test_an_order_of_an_unknown_kind_is_remembered_by_key(order_memory: OrderMemory) -> None:
    order_memory.finish(outcome("new-kind"), None)
    assert order_memory.recall("new-kind") == Remembered(OrderState.ENDED, outcome("new-kind"))


def test_an_unfinished_order_that_only_a_newer_agent_can_read_waits(
    database: Database, order_memory: OrderMemory
) -> None:
    order_memory.accept(order("readable"))
    order_memory.accept(order("unreadable"))
    with database.transaction() as connection:
        connection.execute("UPDATE orders SET payload = x'93' WHERE key = 'unreadable'")
    assert order_memory.unfinished() == [order("readable")]

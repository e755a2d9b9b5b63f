"""What the agent remembers of orders: keys, outcomes, and the highest epoch it has seen."""

import sqlite3
from enum import StrEnum

import msgspec

from agent.database import Database
from agent.spool import Spool
from wire.orders import Order, Outcome

KEEP = 10_000


class OrderState(StrEnum):
    ACCEPTED = "accepted"  # its execution began, or is about to
    ENDED = "ended"


class Remembered(msgspec.Struct, frozen=True):
    state: OrderState
    outcome: Outcome | None = None  # set when ENDED


class OrderMemory:
    """Outlives the process; the newest ``keep`` orders that have ended are kept."""

    def __init__(self, database: Database, spool: Spool, keep: int = KEEP) -> None:
        self._database, self._spool, self._keep = database, spool, keep
        self.highest_epoch = self._read_epoch()

    def recall(self, key: str) -> Remembered | None:
        row = self._database.reader.execute("SELECT state, outcome FROM orders WHERE key = ?", (key,)).fetchone()
        if row is None:
            return None
        return Remembered(OrderState(row[0]), _decode_outcome(row[1]))

    def saw_epoch(self, epoch: int) -> None:
        if epoch <= self.highest_epoch:
            return
        with self._database.transaction() as connection:
            connection.execute("INSERT OR REPLACE INTO facts VALUES ('highest_epoch', ?)", (epoch,))
        self.highest_epoch = epoch

    def accept(self, order: Order) -> None:
        """On disk before anything is done."""
        with self._database.transaction() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO orders (key, epoch, kind, state, payload) VALUES (?, ?, ?, ?, ?)",
                (order.key, order.epoch, _kind(order), OrderState.ACCEPTED, msgspec.msgpack.encode(order)),
            )

    def finish(self, outcome: Outcome, order: Order | None) -> None:
        """Record the outcome and spool it for the controller, in one transaction.

        ``order`` is None when its kind is not known to this version.
        """
        epoch, kind = (order.epoch, _kind(order)) if order else (None, "unknown")
        with self._database.transaction() as connection:
            connection.execute(
                "INSERT INTO orders (key, epoch, kind, state, outcome) VALUES (?, ?, ?, ?, ?) "
                "ON CONFLICT (key) DO UPDATE SET state = excluded.state, outcome = excluded.outcome, payload = NULL",
                (outcome.key, epoch, kind, OrderState.ENDED, msgspec.msgpack.encode(outcome)),
            )
            self._forget_oldest(connection)
            self._spool.append_in(connection, outcome)
        self._spool.keep_bounded()

    def unfinished(self) -> list[Order]:
        """Accepted without outcome, oldest first: what a crash interrupted.

        One that a newer agent accepted and this one cannot read waits until it is asked for again.
        """
        rows = self._database.reader.execute(
            "SELECT payload FROM orders WHERE state = ? ORDER BY number", (OrderState.ACCEPTED,)
        ).fetchall()
        orders = (_decode_order(payload) for (payload,) in rows)
        return [order for order in orders if order is not None]

    def _forget_oldest(self, connection: sqlite3.Connection) -> None:
        connection.execute(
            "DELETE FROM orders WHERE state = ? AND number <= (SELECT MAX(number) FROM orders) - ?",
            (OrderState.ENDED, self._keep),
        )

    def _read_epoch(self) -> int:
        row = self._database.reader.execute("SELECT value FROM facts WHERE name = 'highest_epoch'").fetchone()
        return int(row[0]) if row else 0


def _kind(order: Order) -> str:
    return str(order.kind.__struct_config__.tag)


def _decode_order(body: bytes) -> Order | None:
    try:
        return msgspec.msgpack.decode(body, type=Order)
    except ValueError:
        return None


def _decode_outcome(body: bytes | None) -> Outcome | None:
    return None if body is None else msgspec.msgpack.decode(body, type=Outcome)

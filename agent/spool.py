"""What must reach the controller and has not been acknowledged yet, in order, on disk."""

import sqlite3
from collections.abc import Iterable

import msgspec

from agent.database import Database
from wire.conditions import Condition
from wire.messages import AcceleratorsChanged, ConditionChanges, Durable, FaultEvents, PartChange, Spooled, encode
from wire.orders import Outcome

SOFT_BYTES = 32 * 2**20
HARD_BYTES = 64 * 2**20
_BATCH = 256


class Pending(msgspec.Struct, frozen=True):
    seq: int
    frame: bytes  # an encoded Spooled


class Spool:
    """Messages are numbered from 1 without gaps, for ever, also across restarts.

    Above ``soft_bytes`` the oldest condition changes are emptied (they keep their number); above ``hard_bytes`` the
    oldest messages are dropped whatever they are. ``dropped`` says how many lost their content since the spool was
    last empty.
    """

    def __init__(self, database: Database, soft_bytes: int = SOFT_BYTES, hard_bytes: int = HARD_BYTES) -> None:
        self._database = database
        self._soft_bytes, self._hard_bytes = soft_bytes, hard_bytes
        self._bytes = self._measure()
        self.dropped = 0

    @property
    def size_bytes(self) -> int:
        """Of what is kept."""
        return self._bytes

    def append(self, body: Durable) -> int:
        """Keep ``body`` until it is acknowledged; gives its number. Newest conditions are remembered beside."""
        with self._database.transaction() as connection:
            seq = self.append_in(connection, body)
        self.keep_bounded()
        return seq

    def append_in(self, connection: sqlite3.Connection, body: Durable) -> int:
        """:meth:`append` as part of the caller's transaction; the caller calls :meth:`keep_bounded` after it."""
        seq = _last_seq(connection) + 1
        frame = encode(Spooled(seq, body))
        connection.execute("INSERT INTO messages (kind, frame) VALUES (?, ?)", (_kind(body), frame))
        if isinstance(body, ConditionChanges):
            _remember(connection, body.conditions)
        self._bytes += len(frame)
        return seq

    def after(self, seq: int, limit: int = _BATCH) -> list[Pending]:
        """The next messages beyond ``seq``, oldest first."""
        rows = self._database.reader.execute(
            "SELECT seq, frame FROM messages WHERE seq > ? ORDER BY seq LIMIT ?", (seq, limit)
        )
        return [Pending(*row) for row in rows]

    def acknowledge(self, seq: int) -> None:
        """Everything up to and including ``seq`` is recorded elsewhere."""
        with self._database.transaction() as connection:
            size = _size(connection, "WHERE seq <= ?", seq)
            connection.execute("DELETE FROM messages WHERE seq <= ?", (seq,))
        self._bytes -= size
        if self._bytes <= 0:
            self._bytes, self.dropped = self._measure(), 0

    def conditions(self) -> list[Condition]:
        """The newest word of every condition, as it was last told; what a newer agent told may not be readable."""
        rows = self._database.reader.execute("SELECT body FROM conditions").fetchall()
        found = (_decode_condition(body) for (body,) in rows)
        return [condition for condition in found if condition is not None]

    def new_boot(self, boot_id: str) -> bool:
        """Whether the machine was booted since the one last begun; a state directory that is new saw none."""
        row = self._database.reader.execute("SELECT value FROM marks WHERE name = 'boot_id'").fetchone()
        return row is not None and row[0] != boot_id

    def begin_boot(self, boot_id: str, conditions: Iterable[Condition]) -> None:
        """From now on it was asked in this boot; ``conditions`` are what is remembered of them, told or not."""
        with self._database.transaction() as connection:
            connection.execute("INSERT OR REPLACE INTO marks VALUES ('boot_id', ?)", (boot_id,))
            _remember(connection, conditions)

    def keep_bounded(self) -> None:
        while self._bytes > self._soft_bytes and self._empty_oldest_conditions():
            self._bytes = self._measure()
        while self._bytes > self._hard_bytes and self._drop_oldest():
            self._bytes = self._measure()

    def _empty_oldest_conditions(self) -> int:
        with self._database.transaction() as connection:
            rows = connection.execute(
                "SELECT seq FROM messages WHERE kind = 'conditions' ORDER BY seq LIMIT ?", (_BATCH,)
            ).fetchall()
            emptied = [(encode(Spooled(seq, ConditionChanges([]))), seq) for (seq,) in rows]
            connection.executemany("UPDATE messages SET kind = 'emptied', frame = ? WHERE seq = ?", emptied)
        self.dropped += len(emptied)
        return len(emptied)

    def _drop_oldest(self) -> int:
        with self._database.transaction() as connection:
            cursor = connection.execute(
                "DELETE FROM messages WHERE seq IN (SELECT seq FROM messages ORDER BY seq LIMIT ?)", (_BATCH,)
            )
        self.dropped += cursor.rowcount
        return cursor.rowcount

    def _measure(self) -> int:
        return _size(self._database.reader, "WHERE seq > ?", 0)


def _remember(connection: sqlite3.Connection, conditions: Iterable[Condition]) -> None:
    rows = [(condition.type, msgspec.msgpack.encode(condition)) for condition in conditions]
    connection.executemany("INSERT OR REPLACE INTO conditions VALUES (?, ?)", rows)


def _decode_condition(body: bytes) -> Condition | None:
    try:
        return msgspec.msgpack.decode(body, type=Condition)
    except ValueError:
        return None


def _last_seq(connection: sqlite3.Connection) -> int:
    row = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'messages'").fetchone()
    return int(row[0]) if row else 0


def _size(connection: sqlite3.Connection, where: str, seq: int) -> int:
    query = f"SELECT COALESCE(SUM(LENGTH(frame)), 0) FROM messages {where}"  # noqa: S608 - fixed words
    return int(connection.execute(query, (seq,)).fetchone()[0])


def _kind(body: Durable) -> str:
    match body:
        case ConditionChanges():
            return "conditions"
        case FaultEvents():
            return "faults"
        case AcceleratorsChanged():
            return "accelerators"
        case PartChange():
            return "part"
        case Outcome():
            return "outcome"

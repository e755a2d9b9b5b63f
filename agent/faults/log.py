"""Faults that were told, on disk: no line is judged twice after a restart, and none that was kept is forgotten."""

import sqlite3
from collections.abc import Iterable, Mapping
from datetime import datetime

import msgspec

from agent.database import Database
from agent.faults import Sighting
from agent.spool import Spool
from wire.messages import FaultEvents

KEEP = 4096  # occurrences, the newest


class Kept(msgspec.Struct, frozen=True):
    """A sighting that counts. ``number`` grows by one, for ever; ``utc`` is when it happened, in seconds since 1970."""

    number: int
    boot_id: str
    utc: float
    sighting: Sighting

    def ago_s(self, now: datetime) -> float:
        return max(0.0, now.timestamp() - self.utc)


class FaultLog:
    def __init__(self, database: Database, spool: Spool, keep: int = KEEP) -> None:
        self._database, self._spool, self._keep = database, spool, keep

    def positions(self) -> dict[str, str]:
        """By sensor, where it goes on."""
        rows = self._database.reader.execute("SELECT sensor, position FROM positions")
        return {str(sensor): str(position) for sensor, position in rows}

    def newest(self) -> list[Kept]:
        """Oldest first; what a newer agent kept may not be readable."""
        rows = self._database.reader.execute("SELECT body FROM occurrences ORDER BY number").fetchall()
        return [kept for (body,) in rows if (kept := _decode(body)) is not None]

    def next_number(self) -> int:
        row = self._database.reader.execute("SELECT seq FROM sqlite_sequence WHERE name = 'occurrences'").fetchone()
        return int(row[0]) + 1 if row else 1

    def append(self, positions: Mapping[str, str], kept: Iterable[Kept], events: FaultEvents | None) -> None:
        """In one transaction: what happened, that the controller must hear of it, and where the sensor goes on."""
        rows = [(each.number, msgspec.msgpack.encode(each)) for each in kept]
        with self._database.transaction() as connection:
            connection.executemany("INSERT OR REPLACE INTO positions VALUES (?, ?)", list(positions.items()))
            connection.executemany("INSERT INTO occurrences (number, body) VALUES (?, ?)", rows)
            self._forget_oldest(connection)
            if events is not None:
                self._spool.append_in(connection, events)
        self._spool.keep_bounded()

    def remove(self, numbers: Iterable[int]) -> None:
        """A person says that these are over."""
        with self._database.transaction() as connection:
            connection.executemany("DELETE FROM occurrences WHERE number = ?", [(number,) for number in numbers])

    def _forget_oldest(self, connection: sqlite3.Connection) -> None:
        connection.execute(
            "DELETE FROM occurrences WHERE number <= (SELECT MAX(number) FROM occurrences) - ?", (self._keep,)
        )


def _decode(body: bytes) -> Kept | None:
    try:
        return msgspec.msgpack.decode(body, type=Kept)
    except ValueError:
        return None

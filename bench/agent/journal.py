"""When a word of an agent is in the controller: committed, and to be read by another process.

The database is looked at each LOOK_S from here; ``PRAGMA data_version`` says whether anybody committed since.
"""

import json
import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import msgspec

from cli.demo.errors import DemoFailed

LOOK_S = 0.002
EVENTS = "SELECT id, node, detail FROM events WHERE kind = 'fault' AND id > ?"
CONDITIONS = "SELECT node, type, status, generation, components FROM conditions"


class Fault(msgspec.Struct, frozen=True):
    """``at``: seconds since 1970 when it was first seen."""

    at: float
    node: str
    kind: str
    code: str
    component: str
    source: str


class Change(msgspec.Struct, frozen=True):
    """A condition of a new generation."""

    at: float
    node: str
    type: str
    status: str
    components: frozenset[str]


class Journal(threading.Thread):
    def __init__(self, database: Path, clock: Callable[[], float] = time.time) -> None:
        super().__init__(name="journal", daemon=True)
        self.faults: list[Fault] = []
        self.changes: list[Change] = []
        self._database, self._clock = database, clock
        self._generations: dict[tuple[str, str], int] = {}
        self._last = 0
        self._error: sqlite3.Error | None = None
        self._over = threading.Event()

    def run(self) -> None:
        try:
            self._follow()
        except sqlite3.Error as error:
            self._error = error

    def end(self) -> None:
        """Raises DemoFailed when the database could not be read."""
        self._over.set()
        self.join()
        if self._error is not None:
            raise DemoFailed(f"{self._database}: {self._error}")

    def _follow(self) -> None:
        address = f"{self._database.absolute().as_uri()}?mode=ro"
        with closing(sqlite3.connect(address, uri=True, timeout=10.0)) as connection:
            version = None
            while not self._over.wait(LOOK_S):
                (now,) = connection.execute("PRAGMA data_version").fetchone()
                if now != version:
                    version = now
                    self._look(connection)

    def _look(self, connection: sqlite3.Connection) -> None:
        events = connection.execute(EVENTS, (self._last,))
        conditions = connection.execute(CONDITIONS).fetchall()
        rows, at = events.fetchall(), self._clock()
        for number, node, detail in rows:
            told = json.loads(detail)
            self._last = max(self._last, number)
            self.faults.append(Fault(at, node, *(told[key] for key in ("kind", "code", "component", "source"))))
        for node, type_, status, generation, components in conditions:
            if self._generations.get((node, type_)) != generation:
                self._generations[node, type_] = generation
                self.changes.append(Change(at, node, type_, status, frozenset(json.loads(components))))

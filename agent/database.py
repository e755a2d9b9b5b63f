"""The agent's SQLite file: what must outlive the process. One thread uses it, see :mod:`agent.outbox`."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from agent.errors import Permanent

SCHEMA_VERSION = 2
CACHE_KIB = 128  # a page read again comes from the kernel's cache; SQLite's own would grow to 2 MiB
_SCHEMA = """
CREATE TABLE messages (seq INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, frame BLOB NOT NULL);
CREATE TABLE orders (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    key TEXT NOT NULL UNIQUE,
    epoch INTEGER,
    kind TEXT NOT NULL,
    state TEXT NOT NULL,
    payload BLOB,
    outcome BLOB
);
CREATE INDEX orders_state ON orders (state);
CREATE TABLE conditions (type TEXT PRIMARY KEY, body BLOB NOT NULL);
CREATE TABLE facts (name TEXT PRIMARY KEY, value INTEGER NOT NULL);
"""
_SCHEMA_2 = """
CREATE TABLE occurrences (number INTEGER PRIMARY KEY AUTOINCREMENT, body BLOB NOT NULL);
CREATE TABLE positions (sensor TEXT PRIMARY KEY, position TEXT NOT NULL);
CREATE TABLE marks (name TEXT PRIMARY KEY, value TEXT NOT NULL);
"""


class Database:
    """Every transaction is on disk when it returns (synchronous=FULL).

    Raises Permanent when the file is no database or was written by a newer agent. A new file begins to number its
    messages anew: the controller believes that only of a node that has joined again.
    """

    def __init__(self, path: Path) -> None:
        path.touch(mode=0o600)
        try:
            self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            for pragma in ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=5000", f"cache_size=-{CACHE_KIB}"):
                self._connection.execute(f"PRAGMA {pragma}")
            self._migrate(path)
        except sqlite3.DatabaseError as error:
            raise Permanent(f"{path}: cannot be used ({error}); move it away and join again") from None

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All of it is written, or nothing."""
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield self._connection
            self._connection.execute("COMMIT")
        except BaseException:
            if self._connection.in_transaction:  # after a failed COMMIT it may be open still, or not
                self._connection.execute("ROLLBACK")
            raise

    @property
    def reader(self) -> sqlite3.Connection:
        return self._connection

    def close(self) -> None:
        self._connection.close()

    def _migrate(self, path: Path) -> None:
        (version,) = self._connection.execute("PRAGMA user_version").fetchone()
        if version > SCHEMA_VERSION:
            raise Permanent(f"{path}: written by a newer agent (schema {version}); install that version again")
        if version < SCHEMA_VERSION:
            steps = "".join([_SCHEMA, _SCHEMA_2][version:])
            self._connection.executescript(f"BEGIN; {steps} PRAGMA user_version={SCHEMA_VERSION}; COMMIT;")

"""The database and the one thread that writes to it."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from alembic import command
from alembic.config import Config as AlembicConfig
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import CursorResult, Engine, Update, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.orm import Session
from sqlalchemy.pool import ConnectionPoolEntry

T = TypeVar("T")
Transaction = Session  # the name under which the rest of the controller knows it
READ_ONLY = "mainstay_read_only"
DATABASE_AWAY = (OperationalError, InterfaceError)  # says nothing about the work that met it
MIGRATIONS = Path(__file__).resolve().parent.parent.parent / "migrations"
SQLITE_CACHE_KIB = 256  # a connection; beyond it the kernel's own cache serves


class Store:
    """Transactions one after another on one thread; the event loop never waits for a disk.

    SQLite runs in WAL with synchronous=FULL: what a transaction wrote is on disk before anything is sent because of
    it. ``url`` is an SQLAlchemy URL.
    """

    def __init__(self, url: str) -> None:
        self.url = make_url(url)
        self.engine: Engine = create_engine(self.url)
        if self.url.get_backend_name() == "sqlite":
            event.listen(self.engine, "connect", _sqlite_pragmas)
            event.listen(self.engine, "begin", _sqlite_begin)
        self._reading = self.engine.execution_options(**{READ_ONLY: True})
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="store")
        self._reader = ThreadPoolExecutor(max_workers=1, thread_name_prefix="store-reader")

    def migrate(self) -> None:
        """Bring the schema to this version's; safe to call at every start."""
        config = _alembic()
        with self.engine.begin() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")

    def revisions(self) -> tuple[str | None, str | None]:
        """The schema's revision as it is (None: nothing was ever migrated), and this version's."""
        with self.engine.connect() as connection:
            found = MigrationContext.configure(connection).get_current_revision()
        return found, ScriptDirectory.from_config(_alembic()).get_current_head()

    def transact(self, work: Callable[[Session], T]) -> T:
        """Run ``work`` in one transaction on the calling thread: all of it is written, or nothing."""
        with Session(self.engine, expire_on_commit=False) as session, session.begin():
            return work(session)

    async def run(self, work: Callable[[Session], T]) -> T:
        """:meth:`transact` on the store's own thread."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, self.transact, work)

    def look(self, work: Callable[[Session], T]) -> T:
        """Run ``work`` on one consistent view of the database; what it changes is thrown away."""
        with Session(self._reading) as session:
            return work(session)

    async def read(self, work: Callable[[Session], T]) -> T:
        """:meth:`look` on a thread of its own: whoever looks does not keep decisions waiting."""
        return await asyncio.get_running_loop().run_in_executor(self._reader, self.look, work)

    def close(self) -> None:
        self._thread.shutdown(wait=True)
        self._reader.shutdown(wait=True)
        self.engine.dispose()


def _alembic() -> AlembicConfig:
    config = AlembicConfig()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("path_separator", "os")
    return config


def changed_one(session: Session, statement: Update) -> bool:
    """Carry out a conditional update; True when it was this caller that changed the row."""
    result = session.execute(statement)
    assert isinstance(result, CursorResult)
    return result.rowcount == 1


def _sqlite_pragmas(connection: Any, _entry: ConnectionPoolEntry) -> None:
    connection.isolation_level = None  # SQLAlchemy's begin event below opens the transaction
    cursor = connection.cursor()
    cache = f"cache_size={-SQLITE_CACHE_KIB}"  # negative: KiB, not pages
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=5000", cache):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _sqlite_begin(connection: Any) -> None:
    reads = connection.get_execution_options().get(READ_ONLY, False)
    connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")

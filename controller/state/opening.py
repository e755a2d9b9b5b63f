"""Opening the database, and what a person is told when it cannot be used."""

from collections.abc import Iterator
from contextlib import contextmanager

from alembic.util import CommandError
from sqlalchemy.exc import SQLAlchemyError

from controller.errors import Retryable


class DatabaseUnusable(Retryable):
    """str() names the database, without its password, and what it said."""

    reason = "database_unusable"


@contextmanager
def explained(shown: str) -> Iterator[None]:
    """Whatever the database or its driver says inside becomes DatabaseUnusable; ``shown`` is its URL for people."""
    try:
        yield
    except (SQLAlchemyError, CommandError, ImportError) as error:
        said = str(error).splitlines()[0]
        raise DatabaseUnusable(f"database: {shown} cannot be used ({said})") from None

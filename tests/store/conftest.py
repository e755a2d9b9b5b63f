"""One suite for every database: a test that takes ``store`` runs on each."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from fakes.postgres import PostgresServer, find_binaries, running_server

from controller.state.store import Store


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    binaries = find_binaries()
    if binaries is None:
        pytest.skip("no PostgreSQL on this machine; as root: apt-get install postgresql")
    with running_server(binaries) as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'mainstay.db'}"
    server: PostgresServer = request.getfixturevalue("postgres")
    return server.new_database()


@pytest.fixture
def empty_store(database_url: str) -> Iterator[Store]:
    store = Store(database_url)
    yield store
    store.close()


@pytest.fixture
def store(empty_store: Store) -> Store:
    """A store with this version's schema."""
    empty_store.migrate()
    return empty_store

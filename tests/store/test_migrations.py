from typing import Any

import pytest
from alembic import op
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect

from controller.state.models import Base
from controller.state.store import Store


def differences(store: Store) -> list[Any]:
    with store.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_server_default": True})
        return list(compare_metadata(context, Base.metadata))


def test_migrations_from_an_empty_database_build_the_models(store: Store) -> None:
    assert differences(store) == []


def test_migrating_again_changes_nothing(store: Store) -> None:
    store.migrate()

    assert differences(store) == []


def test_a_migration_that_breaks_off_leaves_nothing(empty_store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    create_table = op.create_table

    def break_off_at_parts(name: str, *columns: Any) -> None:
        if name == "parts":
            raise RuntimeError("the power went")
        create_table(name, *columns)

    monkeypatch.setattr(op, "create_table", break_off_at_parts)
    with pytest.raises(RuntimeError):
        empty_store.migrate()

    assert inspect(empty_store.engine).get_table_names() == []

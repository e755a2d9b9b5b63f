"""Write the migration from what migrations/ builds to what controller/state/models.py says.

    .venv/bin/python scripts/new_migration.py "nodes have racks"

Read and mend what it wrote: it is a draft. tests/store/test_migrations.py says whether it is enough.
"""

import sys
import tempfile
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory

from controller.state.store import MIGRATIONS, Store


def draft(message: str, database: Path) -> Path:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("path_separator", "os")
    number = len(list(ScriptDirectory.from_config(config).walk_revisions())) + 1
    store = Store(f"sqlite:///{database}")
    try:
        if number > 1:
            store.migrate()
        with store.engine.begin() as connection:
            config.attributes["connection"] = connection
            script = command.revision(config, message, autogenerate=True, rev_id=f"{number:04}")
    finally:
        store.close()
    assert script is not None
    assert not isinstance(script, list)
    return Path(script.path)


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit(f'usage: {sys.argv[0]} "what changes, in a few words"')
    with tempfile.TemporaryDirectory() as folder:
        print(draft(sys.argv[1], Path(folder) / "draft.db"))


if __name__ == "__main__":
    main()

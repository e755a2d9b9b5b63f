"""A cluster that stays when the demo has ended: where it is, how to talk to it, how to stop it."""

import os
import shlex
from collections.abc import Mapping
from pathlib import Path

from cli.errors import NotFound

LAST = Path(".local/state/mainstay/demo")


def remember(root: Path, home: Path) -> None:
    """Note it for a `--stop` without `--dir`."""
    note = home / LAST
    note.parent.mkdir(parents=True, exist_ok=True)
    note.write_text(f"{root}\n")


def remembered(home: Path) -> Path:
    """Raises NotFound."""
    try:
        return Path((home / LAST).read_text().strip())
    except OSError:
        raise NotFound("no demo cluster was kept; `--dir` names one that the demo printed") from None


def forget(root: Path, home: Path) -> None:
    note = home / LAST
    if note.is_file() and note.read_text().strip() == str(root):
        os.unlink(note)


def exports(environment: Mapping[str, str]) -> str:
    """One line for a shell to evaluate."""
    return "export " + " ".join(f"{name}={shlex.quote(value)}" for name, value in environment.items())

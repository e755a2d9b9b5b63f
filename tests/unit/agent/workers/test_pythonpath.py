"""The directory that enters a job's Python."""

import stat
from pathlib import Path

from agent.workers.pythonpath import ensure_pythonpath


def test_it_holds_the_package_and_the_hook_and_nothing_else(tmp_path: Path) -> None:
    path = ensure_pythonpath(tmp_path)
    assert sorted(entry.name for entry in path.iterdir()) == ["mainstay", "sitecustomize.py"]
    assert all(entry.suffix == ".py" for entry in (path / "mainstay").iterdir())


def test_every_user_can_read_it_and_none_write(tmp_path: Path) -> None:
    path = ensure_pythonpath(tmp_path)
    modes = {stat.S_IMODE(entry.stat().st_mode) for entry in (path, *path.rglob("*"))}
    assert modes == {0o755, 0o644}


def test_the_same_content_is_made_once(tmp_path: Path) -> None:
    first = ensure_pythonpath(tmp_path)
    assert ensure_pythonpath(tmp_path) == first
    assert [entry.name for entry in first.parent.iterdir()] == [first.name]

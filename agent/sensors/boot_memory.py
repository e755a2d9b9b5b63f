"""What a sensor saw since the machine started, kept across restarts of its process: a small JSON file."""

import contextlib
import json
import os
from collections.abc import Iterable
from typing import Any


class BootMemory:
    """Of another boot, or not to be read: begins empty. Without a ``path`` nothing is kept. What can't be written is
    known until the process ends."""

    def __init__(self, path: str, boot_id: str) -> None:
        self._path, self._boot_id = path, boot_id
        self._seen = _load(path, boot_id)
        self._changed = False

    def best(self, key: str, value: int | None) -> int | None:
        """The largest of all that were said."""
        known = self._seen.get(key)
        known = known if isinstance(known, int) else None
        return known if value is None else self._put(key, max(value, known or value))

    def flag(self, key: str, value: bool) -> bool:
        """Whether it was ever said to be so."""
        return bool(self._put(key, True)) if value else bool(self._seen.get(key))

    def names(self, key: str, values: Iterable[str]) -> list[str]:
        """All that were ever said, sorted."""
        known = self._seen.get(key)
        before = {str(name) for name in known} if isinstance(known, list) else set()
        together: list[str] = self._put(key, sorted(before | set(values)))
        return together

    def save(self) -> None:
        if not self._changed:
            return
        self._changed = False
        with contextlib.suppress(OSError):
            _write(self._path, json.dumps({"boot_id": self._boot_id, "seen": self._seen}))

    def _put(self, key: str, value: Any) -> Any:
        if self._seen.get(key) != value:
            self._seen[key] = value
            self._changed = bool(self._path)
        return value


def _load(path: str, boot_id: str) -> dict[str, Any]:
    try:
        with open(path, encoding="utf-8") as file:
            kept = json.load(file)
        return dict(kept["seen"]) if kept["boot_id"] == boot_id else {}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _write(path: str, text: str) -> None:
    fresh = f"{path}.new"
    with open(fresh, "w", encoding="utf-8") as file:
        file.write(text)
    os.replace(fresh, path)

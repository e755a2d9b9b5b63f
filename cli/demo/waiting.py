"""Waiting, always with a deadline that says what was awaited."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from cli.demo.errors import Awaited

DEADLINE_S = 180.0
POLL_S = 0.1
T = TypeVar("T")


class Waiter:
    """Asks again and again; ``meanwhile`` runs before every look, such as to tell what happens."""

    def __init__(self, logs: Path, meanwhile: Callable[[], None] = lambda: None) -> None:
        self._logs = logs
        self.meanwhile = meanwhile

    def until(self, what: str, look: Callable[[], T | None], deadline_s: float = DEADLINE_S) -> T:
        """The first true thing ``look`` gives. Raises Awaited."""
        end = time.monotonic() + deadline_s
        while True:
            self.meanwhile()
            found = look()
            if found:
                return found
            if time.monotonic() > end:
                raise Awaited(what, deadline_s, self._logs)
            time.sleep(POLL_S)

"""Waiting, always with a deadline that says what was awaited."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from cli.demo.errors import Awaited

DEADLINE_S = 180.0
POLL_S = 0.1
LAZY_POLL_S = 0.5  # for what costs the controller something: it shares two cores with the training
MEANWHILE_S = 0.25
T = TypeVar("T")


class Waiter:
    """Asks again and again; ``meanwhile`` runs now and then, such as to tell what happens."""

    def __init__(self, logs: Path) -> None:
        self._logs = logs
        self._last = 0.0
        self.meanwhile: Callable[[], None] = lambda: None

    def until(self, what: str, look: Callable[[], T | None], every_s: float = LAZY_POLL_S) -> T:
        """The first true thing ``look`` gives. Raises Awaited after DEADLINE_S."""
        end = time.monotonic() + DEADLINE_S
        while True:
            self._do_meanwhile()
            found = look()
            if found:
                return found
            if time.monotonic() > end:
                raise Awaited(what, DEADLINE_S, self._logs)
            time.sleep(every_s)

    def _do_meanwhile(self) -> None:
        if time.monotonic() - self._last >= MEANWHILE_S:
            self.meanwhile()
            self._last = time.monotonic()

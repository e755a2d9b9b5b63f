"""What ails, in the log: each trouble when it begins and when it ends, and none of them over and over."""

import logging
import re
from collections.abc import Callable

log = logging.getLogger(__name__)

QUIET_S = 3600.0  # a trouble that comes and goes is told once within this
MANY = 16  # kinds of trouble of one name are told within it; one more is one too many to read
NUMBERS = re.compile(r"\d+")


class Ailments:
    """By name, of a sensor or a check. Two texts that differ in numbers alone (a process, a time) are one trouble.
    ``now`` gives seconds of CLOCK_BOOTTIME."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._ails: dict[str, str] = {}
        self._told: dict[str, dict[str, float]] = {}  # by name and kind, when

    def of(self, name: str) -> str:
        """What ails it now; empty if nothing does."""
        return self._ails.get(name, "")

    def note(self, name: str, text: str) -> None:
        """``text`` is empty when all is well again."""
        before, self._ails[name] = self.of(name), text
        if _kind(before) != _kind(text) and self._is_news(name, _kind(text)):
            log.warning("%s", text) if text else log.info("%s answers again", name)

    def _is_news(self, name: str, kind: str) -> bool:
        now = self._now()
        told = {each: at for each, at in self._told.get(name, {}).items() if now - at < QUIET_S}
        self._told[name] = told
        if kind in told or len(told) >= MANY:
            return False
        told[kind] = now
        return True


def _kind(text: str) -> str:
    return NUMBERS.sub("#", text)

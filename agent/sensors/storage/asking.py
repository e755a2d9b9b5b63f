"""Every server asked in a thread of its own: one that hangs costs the others nothing.

A thread that does not come back is left alone, and its server is not asked again until it does: there is never more
than one a server.
"""

import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from agent.sensors.storage.failures import cause_of, text_of
from agent.sensors.storage.reading import Cause, Facts, Reading, Role, Server
from agent.sensors.storage.targets import Target

T = TypeVar("T", bound=Target)


class Question:
    """One server, asked once."""

    def __init__(self, target: Target, ask: Callable[[Any], Facts]) -> None:
        self._target, self._ask = target, ask
        self.began, self.ended = time.monotonic(), 0.0
        self.facts, self.error = Facts(), None
        self._over = threading.Event()
        threading.Thread(target=self._run, name=f"ask-{target.name}", daemon=True).start()

    facts: Facts
    error: Exception | None

    def over(self, within_s: float) -> bool:
        return self._over.wait(max(self.began + within_s - time.monotonic(), 0))

    @property
    def pending(self) -> bool:
        return not self._over.is_set()

    def _run(self) -> None:
        try:
            self.facts = self._ask(self._target)
        except Exception as error:  # whatever a client library raises
            self.error = error
        self.ended = time.monotonic()
        self._over.set()


class Watch:
    """The source of a probe: ``ask`` puts a real question of the service's own protocol and raises what went wrong."""

    def __init__(self, service: str, servers: Sequence[T], ask: Callable[[T], Facts]) -> None:
        self._service, self._servers, self._ask = service, servers, ask
        self._open: dict[str, Question] = {}

    def tell(self, news: bytes) -> None:
        raise NotImplementedError

    def read(self) -> Reading | None:
        if not self._servers:
            return None
        for target in self._servers:
            if target.name not in self._open:
                self._open[target.name] = Question(target, self._ask)
        return Reading([self._answer(target, self._open[target.name]) for target in self._servers])

    def _answer(self, target: Target, question: Question) -> Server:
        known: dict[str, Any] = {
            "service": self._service,
            "name": target.name,
            "address": address_of(target),
            "wanted": getattr(target, "wanted", Role.UNKNOWN),
        }
        if not question.over(target.within_s):
            waited = time.monotonic() - question.began
            error = f"no answer for {waited:.0f} s"
            return Server(**known, cause=Cause.TIMEOUT, error=error, seconds=waited)
        del self._open[target.name]
        seconds = question.ended - question.began
        if question.error is not None:
            return Server(**known, cause=cause_of(question.error), error=text_of(question.error), seconds=seconds)
        return Server(**known, facts=question.facts, seconds=seconds)


def address_of(target: Target) -> str:
    """Where it is asked, for people."""
    if url := getattr(target, "url", ""):
        return str(url)
    host, port = getattr(target, "host", ""), getattr(target, "port", None)
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

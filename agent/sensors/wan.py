"""Places outside of the cluster that work needs: an object store, a package mirror, a licence server, a name server.

Each target is asked in a thread of its own, so that one which hangs holds up no other.
"""

import socket
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from enum import StrEnum
from functools import cache
from typing import Annotated, Any

import msgspec

from agent.sensors import Cadence, Family, Seconds

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
MOST = 32
ERROR_CHARACTERS = 200


class Way(StrEnum):
    TCP = "tcp"
    HTTPS = "https"
    DNS = "dns"


class Target(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``name`` is what its conditions call it. ``kind``: ``tcp`` connects to ``host`` and ``port`` (443 unless it is
    said); ``https`` asks HEAD of ``path`` there, with the certificate checked; ``dns`` resolves the host's name as
    programs of this machine do."""

    name: Name
    host: Name
    port: Annotated[int, msgspec.Meta(ge=1, le=65_535)] = 443
    kind: Way = Way.TCP
    path: str = "/"


class Options(Cadence, frozen=True):
    """``targets``: who is asked, none unless configured, at most 32. One that takes ``timeout_s`` is unreachable."""

    every_s: Seconds = 60.0
    deadline_s: Seconds = 10.0
    timeout_s: Seconds = 5.0
    targets: Annotated[tuple[Target, ...], msgspec.Meta(max_length=MOST)] = ()

    def __post_init__(self) -> None:
        if self.timeout_s >= self.deadline_s:
            raise ValueError(f"timeout_s ({self.timeout_s:g}) must be less than deadline_s ({self.deadline_s:g})")
        if len({target.name for target in self.targets}) < len(self.targets):
            raise ValueError("targets: two have one name; give each its own")


class Answer(msgspec.Struct, frozen=True):
    """``error`` is empty for one that answered. ``status``: of HTTP; None for other kinds."""

    name: str
    kind: Way
    seconds: float
    error: str = ""
    status: int | None = None


class Reading(msgspec.Struct, frozen=True):
    answers: list[Answer]


def read(options: Options) -> Reading | None:
    if not options.targets:
        return None
    answers: dict[str, Answer] = {}
    until = time.monotonic() + options.timeout_s
    threads = [_start(target, options.timeout_s, answers) for target in options.targets]
    for thread in threads:
        thread.join(max(0.0, until - time.monotonic()))
    return Reading([answers.get(each.name) or _late(each, options.timeout_s) for each in options.targets])


def _start(target: Target, timeout_s: float, answers: dict[str, Answer]) -> threading.Thread:
    def work() -> None:
        answers[target.name] = ask(target, timeout_s)

    thread = threading.Thread(target=work, name=f"wan-{target.name}", daemon=True)
    thread.start()
    return thread


def _late(target: Target, timeout_s: float) -> Answer:
    return Answer(target.name, target.kind, timeout_s, f"no answer within {timeout_s:g} s")


def ask(target: Target, timeout_s: float) -> Answer:
    """Never raises."""
    began = time.monotonic()
    try:
        status = _WAYS[target.kind](target, timeout_s)
    except TimeoutError:
        return _late(target, timeout_s)
    except (OSError, UnicodeError) as error:
        text = " ".join(str(error).split()) or type(error).__name__
        return Answer(target.name, target.kind, time.monotonic() - began, text[:ERROR_CHARACTERS])
    return Answer(target.name, target.kind, time.monotonic() - began, status=status)


def _tcp(target: Target, timeout_s: float) -> None:
    socket.create_connection((target.host, target.port), timeout_s).close()


def _https(target: Target, timeout_s: float) -> int:
    import http.client

    asked = http.client.HTTPSConnection(target.host, target.port, timeout=timeout_s, context=_trust())
    try:
        asked.request("HEAD", target.path, headers={"User-Agent": "mainstay-agent"})
        return asked.getresponse().status
    except http.client.HTTPException as error:
        raise OSError(f"not HTTP: {error!r}") from None
    finally:
        asked.close()


def _dns(target: Target, _timeout_s: float) -> None:
    socket.getaddrinfo(target.host, None, type=socket.SOCK_STREAM)


@cache
def _trust() -> Any:
    """Reading the system's certificates costs as much as a hundred questions."""
    import ssl

    return ssl.create_default_context()


_WAYS: dict[Way, Callable[[Target, float], int | None]] = {Way.TCP: _tcp, Way.HTTPS: _https, Way.DNS: _dns}


def metrics(reading: Reading) -> Iterable[Family]:
    """blackbox_exporter's names."""
    yield Family("probe_success", "Whether the target answered.", _samples(reading.answers, _success))
    yield Family("probe_duration_seconds", "How long it took.", _samples(reading.answers, lambda it: it.seconds))


def _success(answer: Answer) -> float:
    return float(not answer.error)


def _samples(answers: Sequence[Answer], value: Callable[[Answer], float]) -> list[tuple[dict[str, str], float]]:
    return [({"target": answer.name, "kind": answer.kind}, value(answer)) for answer in answers]

"""What an error of a client library means. They wrap one another: the innermost cause that is known counts."""

import errno
import re
import socket
from collections.abc import Iterator

from agent.sensors.storage.reading import Cause
from agent.sensors.storage.targets import ConfigurationWrong

ERROR_CHARACTERS = 200
BY_TYPE: tuple[tuple[type[BaseException], Cause], ...] = (
    (ImportError, Cause.LIBRARY_MISSING),
    (TimeoutError, Cause.TIMEOUT),
    (socket.gaierror, Cause.UNREACHABLE),
    (ConnectionRefusedError, Cause.REFUSED),
)
BY_ERRNO = {
    errno.EHOSTUNREACH: Cause.UNREACHABLE,
    errno.ENETUNREACH: Cause.UNREACHABLE,
    errno.EHOSTDOWN: Cause.UNREACHABLE,
    errno.ENOENT: Cause.REFUSED,  # no such Unix socket
}
# Where a library tells the cause in words only (libpq, pymongo).
BY_WORDS = tuple(
    (re.compile(words, re.IGNORECASE), cause)
    for words, cause in (
        (
            r"password|authenticat|pg_hba|access denied|NOAUTH|WRONGPASS|NOPERM|role .* does not exist",
            Cause.AUTHENTICATION,
        ),
        (r"certificate|\bSSL\b|\bTLS\b", Cause.TLS),
        (r"database .* does not exist|unknown database", Cause.NOT_THERE),
        (r"connection refused|is the server running", Cause.REFUSED),
        (r"timed? ?out|timeout", Cause.TIMEOUT),
        (r"translate host name|name or service not known|no route|unreachable", Cause.UNREACHABLE),
    )
)


class NotThere(Exception):
    """The server answers, and does not have what was asked for."""


class Denied(Exception):
    """The server knows us not, or allows us nothing."""


OURS = (
    (ConfigurationWrong, Cause.CONFIGURATION),
    (NotThere, Cause.NOT_THERE),
    (Denied, Cause.AUTHENTICATION),
)


def cause_of(error: BaseException) -> Cause:
    chain = list(_chain(error))
    if (cause := _ours(error)) is not None:
        return cause
    for each in reversed(chain):
        if (cause := _known(each)) is not None:
            return cause
    return next((cause for words, cause in BY_WORDS if any(words.search(str(each)) for each in chain)), Cause.PROTOCOL)


def text_of(error: BaseException) -> str:
    """On one line."""
    if isinstance(error, ImportError) and error.name:
        return f"{error.name.partition('.')[0]} is not installed: pip install 'mainstay[probes]'"
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= ERROR_CHARACTERS else f"{text[: ERROR_CHARACTERS - 3]}..."


def _ours(error: BaseException) -> Cause | None:
    """What the probes raise themselves, knowing better than what they were told."""
    return next((cause for type_, cause in OURS if isinstance(error, type_)), None)


def _known(error: BaseException) -> Cause | None:
    import ssl

    if isinstance(error, ssl.SSLError):
        return Cause.TLS
    by_type = next((cause for type_, cause in BY_TYPE if isinstance(error, type_)), None)
    return by_type or BY_ERRNO.get(getattr(error, "errno", None) or 0)


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error and what caused it, the innermost last. Some libraries keep that in a field or an argument."""
    seen: list[BaseException] = []
    queue = [error]
    while queue:
        each = queue.pop(0)
        if each in seen:
            continue
        seen.append(each)
        inner = [each.__cause__, each.__context__, getattr(each, "reason", None), *each.args]
        queue += [one for one in inner if isinstance(one, BaseException)]
    return iter(seen)

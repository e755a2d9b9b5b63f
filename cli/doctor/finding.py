"""One thing that was looked at."""

from collections.abc import Callable, Iterable
from enum import StrEnum

import msgspec


class Verdict(StrEnum):
    OK = "ok"
    WARN = "warn"
    FAIL = "fail"
    UNSEEN = "unseen"  # this user may not look, or there is nobody to ask


class Finding(msgspec.Struct, frozen=True):
    """``mend`` says what to do about it; empty when all is well."""

    subject: str  # machine, agent, controller
    what: str
    verdict: Verdict
    message: str
    mend: str = ""


class Seen(msgspec.Struct, frozen=True):
    """A finding whose subject is still to be named."""

    verdict: Verdict
    message: str
    mend: str = ""


def ok(message: str) -> Seen:
    return Seen(Verdict.OK, message)


def warn(message: str, mend: str) -> Seen:
    return Seen(Verdict.WARN, message, mend)


def fail(message: str, mend: str) -> Seen:
    return Seen(Verdict.FAIL, message, mend)


def unseen(message: str, mend: str = "call it with sudo to see more") -> Seen:
    return Seen(Verdict.UNSEEN, message, mend)


def look(subject: str, looks: Iterable[tuple[str, Callable[[], Seen]]]) -> list[Finding]:
    """Every look, whatever the others bring; one that may not look says so."""
    return [_named(subject, what, _careful(each)) for what, each in looks]


def _careful(each: Callable[[], Seen]) -> Seen:
    try:
        return each()
    except PermissionError as error:
        return unseen(f"{error.filename or 'it'} is not for this user")
    except OSError as error:
        return fail(f"{error.filename or 'it'}: {error.strerror or error}", "see that it is there and can be read")


def _named(subject: str, what: str, seen: Seen) -> Finding:
    return Finding(subject, what, seen.verdict, seen.message, seen.mend)

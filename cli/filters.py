"""Filters of lists. An empty filter lets everything through.

Words of an enum are typer's to check (``Annotated[list[JobPhase] | None, typer.Option("--phase")]``): it names the
known ones itself. What is known only to the controller is checked here, when nothing matched.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from fnmatch import fnmatchcase
from typing import TypeVar

from cli.errors import Invalid

T = TypeVar("T")
SHOWN = 20


def among(value: str, wanted: Collection[str] | None) -> bool:
    """Whether it is one of those asked for."""
    return not wanted or value in wanted


def like(value: str | None, pattern: str | None) -> bool:
    """Whether it fits a name or a pattern such as ``bytes-*``."""
    return pattern is None or (value is not None and fnmatchcase(value, pattern))


def any_like(values: Iterable[str], pattern: str | None) -> bool:
    return pattern is None or any(like(value, pattern) for value in values)


def known_to(option: str, pattern: str | None, found: Sequence[T], names: Callable[[], Iterable[str]]) -> Sequence[T]:
    """``found``, unless nothing was because ``pattern`` fits no name there is: then Invalid names some that are."""
    if found or pattern is None:
        return found
    known = sorted(set(names()))
    if any_like(known, pattern):
        return found
    more = f" and {len(known) - SHOWN} more" if len(known) > SHOWN else ""
    raise Invalid(f"{option} {pattern}: nothing of that name; known are {', '.join(known[:SHOWN]) or 'none'}{more}")

"""What checks of two looks share: how much a counter grew between them. No check."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

from agent.checks import Timed, Verdict

T = TypeVar("T")


def each_pair(
    window: Sequence[Timed[Any]],
    parts: Callable[[Any], Iterable[T]],
    name: Callable[[T], str],
    judge: Callable[[T, T, float], Verdict | None],
) -> dict[str, Verdict]:
    """By name. ``judge`` gets a part of the reading before, now, and the seconds between; None: nothing to say. What
    was not there before is left out until there are two looks at it."""
    first, last = window[0], window[-1]
    before = {name(part): part for part in parts(first.reading)}
    seconds = max(last.at - first.at, 1.0)
    judged = {
        name(part): judge(before[name(part)], part, seconds) for part in parts(last.reading) if name(part) in before
    }
    return {key: verdict for key, verdict in judged.items() if verdict is not None}


def grown(before: int | None, now: int | None) -> int | None:
    """How much a counter grew; one that began anew counts from there. None: there is no such counter."""
    if now is None:
        return None
    return now - before if before is not None and now >= before else now if before is not None else 0

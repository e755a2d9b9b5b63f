"""Which idle nodes are measured next, and with whom. Pure.

Each node's turn comes once an interval; first somewhere in the second half of the first one after it joined, so that a
fleet that was installed in a day is not measured in a day. A node meets whom it has met longest ago, or never: over
time everybody meets everybody, and a slow node is the one common to slow pairs.
"""

import hashlib
from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta

import msgspec

NEVER = datetime.min.replace(tzinfo=UTC)


class Turn(msgspec.Struct, frozen=True):
    node: str
    peer: str | None


def due(
    idle: Collection[str],
    joined: Mapping[str, datetime],
    asked: Mapping[str, datetime],
    now: datetime,
    every: timedelta,
) -> list[str]:
    """Those whose turn has come, longest overdue first. ``asked`` is when each was measured, or was to be."""
    at = {node: asked[node] + every if node in asked else joined[node] + _first(node, every) for node in idle}
    return sorted((node for node in idle if at[node] <= now), key=lambda node: (at[node], node))


def turns(
    due: Collection[str], idle: Collection[str], met: Mapping[str, Mapping[str, datetime]], room: int
) -> list[Turn]:
    """At most ``room`` rounds at once, no node in two of them."""
    free, chosen = set(idle), list[Turn]()
    for node in due:
        if node in free and len(chosen) < room:
            peer = partner(node, free - {node}, met.get(node, {}))
            free -= {node, peer}
            chosen.append(Turn(node, peer))
    return chosen


def partner(node: str, others: Collection[str], met: Mapping[str, datetime]) -> str | None:
    """Whom it has met longest ago; of those it never met, another one for every node."""
    return min(others, key=lambda other: (met.get(other, NEVER), _place(f"{node} {other}"), other), default=None)


def _first(node: str, every: timedelta) -> timedelta:
    return every * (0.5 + 0.5 * _place(node))


def _place(text: str) -> float:
    """In [0, 1), the same on every controller."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big") / 2**32

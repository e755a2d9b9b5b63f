"""Which nodes measure each other in a round, so that all meet all and each one's work stays the same. Pure.

The circle method of round-robin tournaments: one node stays, the others turn around it. A round here is ``each`` turns
in a row, so that every pair meets within (nodes - 1) / each rounds, rounded up.
"""

from collections.abc import Collection, Iterable, Sequence

Pair = tuple[str, str]  # sorted
BYE = ""


def turn(nodes: Sequence[str], number: int) -> list[Pair]:
    """Everybody with one other; of an odd number one pauses."""
    seats = [*nodes, BYE] if len(nodes) % 2 else list(nodes)
    if len(seats) < 2:
        return []
    shift = number % (len(seats) - 1)
    ring = seats[1:]
    placed = [seats[0], *ring[shift:], *ring[:shift]]
    half = len(placed) // 2
    facing = zip(placed[:half], reversed(placed[half:]), strict=True)
    return [pair(one, other) for one, other in facing if BYE not in (one, other)]


def pair(one: str, other: str) -> Pair:
    return (one, other) if one < other else (other, one)


def pairs(nodes: Collection[str], number: int, each: int) -> set[Pair]:
    """Round ``number``: at most ``each`` pairs for every node."""
    seats = sorted(nodes)
    turns = min(each, len(seats) - 1 + len(seats) % 2)
    return {found for step in range(turns) for found in turn(seats, number * turns + step)}


def with_again(planned: Iterable[Pair], again: Iterable[Pair], nodes: Collection[str]) -> set[Pair]:
    """``planned``, and of those to be measured ``again`` what leaves every node with one more at most."""
    chosen, taken = set(planned), set[str]()
    for one, other in sorted(set(again) - chosen):
        if one in nodes and other in nodes and not {one, other} & taken:
            chosen.add((one, other))
            taken |= {one, other}
    return chosen


def partners(chosen: Iterable[Pair]) -> dict[str, list[str]]:
    """By node, sorted."""
    found: dict[str, list[str]] = {}
    for one, other in sorted(chosen):
        found.setdefault(one, []).append(other)
        found.setdefault(other, []).append(one)
    return found

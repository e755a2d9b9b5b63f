"""A bad link or a bad node: what pairs of nodes found, compared. Pure.

A pair is bad when a tenth of its echoes is lost, or when they take five times as long as the fleet's median and a
millisecond longer than it. It is the link's fault when both nodes do well with the others: two other pairs each at
least, more than half of them good. A node that is bad with most is no link; its own conditions say so. These numbers
are our judgement: echoes within a data centre take well under a millisecond and are next to never lost.
"""

import statistics
from collections.abc import Iterable, Mapping

import msgspec

from controller.facts import Path
from controller.tournament import Pair

LOST = 0.1
SLOWER, SLOWER_S = 5.0, 0.001
LEAST_ASKED = 10
OTHERS = 2


class Trouble(msgspec.Struct, frozen=True):
    reason: str
    message: str


def troubles(paths: Mapping[Pair, Path]) -> dict[Pair, Trouble]:
    """Every bad pair, whosever fault it is. Pairs that were hardly asked say nothing."""
    known = {pair: path for pair, path in paths.items() if path.asked >= LEAST_ASKED}
    usual = statistics.median([path.seconds for path in known.values() if path.seconds is not None] or [0.0])
    found = {pair: _trouble(path, usual) for pair, path in known.items()}
    return {pair: trouble for pair, trouble in found.items() if trouble is not None}


def of_links(bad: Iterable[Pair], known: Mapping[Pair, bool]) -> set[Pair]:
    """Those of the ``bad`` pairs that are bad by themselves. ``known``: every pair that was measured of late, and
    whether it was bad."""
    verdicts: dict[str, dict[Pair, bool]] = {}
    for pair, was_bad in known.items():
        for node in pair:
            verdicts.setdefault(node, {})[pair] = was_bad
    return {each for each in bad if all(_well_elsewhere(each, verdicts.get(node, {})) for node in each)}


def _well_elsewhere(but: Pair, of_node: Mapping[Pair, bool]) -> bool:
    others = [was_bad for pair, was_bad in of_node.items() if pair != but]
    return len(others) >= OTHERS and 2 * sum(others) < len(others)


def _trouble(path: Path, usual: float) -> Trouble | None:
    lost = path.asked - path.answered
    if lost >= LOST * path.asked:
        return Trouble("echoes_lost", f"{lost} of {path.asked} echoes lost")
    assert path.seconds is not None
    if path.seconds > max(SLOWER * usual, usual + SLOWER_S):
        return Trouble("echoes_slow", f"echoes take {path.seconds * 1000:.2f} ms, usual are {usual * 1000:.2f}")
    return None

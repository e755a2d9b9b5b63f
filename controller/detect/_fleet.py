"""What is expected of a node is learned from the others of its kind. Pure.

A figure is an outlier when it is worse than the median of its kind by more than a fifth of that, and by more than five
times the median absolute deviation, among at least five nodes. These numbers are our judgement, no vendor's: a fifth is
less than what a halved PCIe width or a throttled GPU costs, the deviation keeps a figure that varies by itself, such as
a disk's, from raising false alarms, and both stand up to almost half of the fleet being slow.
"""

import statistics
from collections import defaultdict
from collections.abc import Iterable

import msgspec

from controller.facts import Measured

WORSE = 0.8
DEVIATIONS = 5
MIN_NODES = 5
TOGETHER = "all_reduce"
MOST = 1e18  # a node may say what it likes: more than that of anything is no figure


class Outlier(msgspec.Struct, frozen=True):
    measured: Measured
    expected: float


def outliers(measured: Iterable[Measured]) -> list[Outlier]:
    """Figures of a node by itself that are far worse than those of its kind."""
    alone = [each for each in measured if each.name != TOGETHER]
    return [
        Outlier(each, expected) for group, expected, limit in _groups(alone) for each in group if _beyond(each, limit)
    ]


def slow_in_pairs(measured: Iterable[Measured]) -> dict[str, list[Outlier]]:
    """Nodes common to slow pairs: in two at least, in more than half of their own, and in every slow pair of which the
    other one is fast elsewhere. With each the pairs that speak against it."""
    pairs: dict[frozenset[str], Measured] = {}
    limits: dict[frozenset[str], tuple[float, bool]] = {}
    for group, expected, limit in _groups([each for each in measured if each.name == TOGETHER]):
        for each in group:
            pair = frozenset((each.node, each.component))
            if pair not in pairs or _worse(each, pairs[pair]):
                pairs[pair], limits[pair] = each, (expected, _beyond(each, limit))
    slow = {pair for pair, (_, beyond) in limits.items() if beyond}
    found: dict[str, list[Outlier]] = {}
    for node in sorted({node for pair in slow for node in pair}):
        own, against = [pair for pair in pairs if node in pair], [pair for pair in slow if node in pair]
        cleared = [pair for pair in against if _fast_elsewhere(pair - {node}, pairs.keys() - slow)]
        if len(against) >= 2 and 2 * len(against) > len(own) and cleared:
            found[node] = [Outlier(pairs[pair], limits[pair][0]) for pair in sorted(against, key=sorted)]
    return found


def _fast_elsewhere(other: frozenset[str], fast: Iterable[frozenset[str]]) -> bool:
    return any(other <= pair for pair in fast)


def _groups(measured: Iterable[Measured]) -> list[tuple[list[Measured], float, float]]:
    """Figures that may be compared, their median, and the limit beyond which one is an outlier."""
    by_kind: dict[tuple[str, str, str], list[Measured]] = defaultdict(list)
    for each in measured:
        if each.ok is True and each.value is not None and 0 <= each.value <= MOST:
            by_kind[each.name, each.kind, each.unit].append(each)
    return [(group, *_limit(group)) for group in by_kind.values() if len({each.node for each in group}) >= MIN_NODES]


def _limit(group: list[Measured]) -> tuple[float, float]:
    values = [each.value for each in group if each.value is not None]
    median = statistics.median(values)
    spread = DEVIATIONS * statistics.median(abs(value - median) for value in values)
    if _less_is_better(group[0]):
        return median, max(median / WORSE, median + spread)
    return median, min(median * WORSE, median - spread)


def _beyond(each: Measured, limit: float) -> bool:
    assert each.value is not None
    return each.value > limit if _less_is_better(each) else each.value < limit


def _worse(each: Measured, other: Measured) -> bool:
    assert each.value is not None
    assert other.value is not None
    return each.value > other.value if _less_is_better(each) else each.value < other.value


def _less_is_better(each: Measured) -> bool:
    return each.unit == "s"

"""How long a piece of work takes, again and again."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

AT_LEAST = 3


def typical_s(work: Callable[[], object], for_s: float, warm_up: int = 1) -> float:
    """The median of its runs within ``for_s`` seconds, of at least three."""
    for _ in range(warm_up):
        work()
    taken: list[float] = []
    until = time.perf_counter() + for_s
    while len(taken) < AT_LEAST or time.perf_counter() < until:
        began = time.perf_counter()
        work()
        taken.append(time.perf_counter() - began)
    return statistics.median(taken)

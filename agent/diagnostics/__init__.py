"""Active diagnostics: work made to be measured and checked. One module each, found by its place.

A module gives ``examine(asked) -> Iterator[Figure]``. It runs in a process of its own, in the site's own Python, which
may have torch: so here, unlike in the rest of the agent, only the standard library is imported, Python 3.9 must read
it, and torch is asked for by :mod:`agent.diagnostics._torch`. What a diagnostic raises becomes a figure that failed.
Modules whose name begins with an underscore are no diagnostics.
"""

from __future__ import annotations

import pkgutil
from typing import NamedTuple

GB = 1e9


class Pair(NamedTuple):
    """Two nodes that work together; the one of rank 0 listens on ``address`` and ``port``."""

    peer: str  # the other's name
    rank: int
    address: str
    port: int


class Asked(NamedTuple):
    """``quick`` leaves out what needs torch where there is no accelerator, and takes less of everything else."""

    directory: str  # what is written, is written below it
    quick: bool = False
    pair: Pair | None = None


class Figure(NamedTuple):
    """One measured figure. ``ok`` false: what was measured is wrong, or there is no result. ``ok`` None: it was
    skipped, and ``message`` says why. ``kind`` names the hardware or software it depends on: figures of the same name
    and kind are compared across the fleet."""

    name: str
    component: str = ""  # a GPU's UUID, a mount point, the peer's name
    value: float | None = None
    unit: str = ""
    ok: bool | None = True
    kind: str = ""
    message: str = ""
    wrong: bool = False  # what was computed, copied or kept is not what it had to be


def skipped(name: str, why: str) -> Figure:
    return Figure(name, ok=None, message=f"skipped: {why}")


def names() -> list[str]:
    """Every diagnostic, in the order they are run: the pair first, because somebody waits there."""
    found = [info.name for info in pkgutil.iter_modules(__path__) if not info.name.startswith("_")]
    return sorted(found, key=lambda name: (name != "all_reduce", name))

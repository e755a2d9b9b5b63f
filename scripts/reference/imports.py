"""Imports between rooms, counted in the graph that import-linter looks at."""

from collections import Counter
from functools import cache

import grimp

HOUSE = ("agent", "cli", "controller", "mainstay", "migrations", "remediations", "service", "wire")
Arrows = Counter[tuple[str, str]]


def arrows(depth: int) -> Arrows:
    """(from, to) to how many pairs of modules: packages to ``depth``; a module counts for the package it lies in."""
    graph = _graph()
    found: Arrows = Counter()
    for module in graph.modules:
        for target in graph.find_modules_directly_imported_by(module):
            pair = room(module, depth), room(target, depth)
            if pair[0] != pair[1]:
                found[pair] += 1
    return found


def room(module: str, depth: int) -> str:
    package = module if _is_package(module) else module.rpartition(".")[0]
    return ".".join(package.split(".")[:depth]) or module


def modules_of(package: str) -> list[str]:
    return sorted(module for module in _graph().modules if f"{module}.".startswith(f"{package}."))


def _is_package(module: str) -> bool:
    return bool(_graph().find_children(module))


@cache
def _graph() -> grimp.ImportGraph:
    return grimp.build_graph(*HOUSE)

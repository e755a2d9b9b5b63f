"""The rooms as they are: which imports which, drawn from the imports themselves."""

from collections import Counter

from scripts.reference.imports import Arrows, arrows, modules_of
from scripts.reference.markdown import code, fence, heading, paragraphs, table

PATH = "modules.md"
INTRODUCTION = """
Drawn from the imports as they stand. The number on an arrow says how many pairs of modules make it: one here that
imports one there. What may import what is kept by the contracts in `pyproject.toml` (`make check`);
[the architecture](architecture.md) says what the rooms are for.
"""
ROOMS = ("agent", "cli", "controller", "mainstay", "migrations", "remediations", "service", "wire")


def render() -> list[str]:
    top = arrows(depth=1)
    deep = arrows(depth=2)
    lines = [*heading(1, "Modules"), *paragraphs(INTRODUCTION), *_drawn(top)]
    lines += table(("room", "modules", "imports"), [_row(room, top) for room in ROOMS])
    for room in ROOMS:
        inside = Counter({pair: n for pair, n in deep.items() if all(_in(each, room) for each in pair)})
        if inside:
            lines += [*heading(2, f"Inside {room}"), *_drawn(inside)]
    between = {pair: n for pair, n in deep.items() if not _same_room(pair)}
    rows = [(code(source), code(target), str(n)) for (source, target), n in sorted(between.items())]
    return [*lines, *heading(2, "From room to room"), *table(("from", "to", "imports"), rows)]


def _drawn(found: Arrows) -> list[str]:
    names = sorted({name for pair in found for name in pair})
    boxes = [f"    {_id(name)}[{name}]" for name in names]
    return fence(
        "mermaid", ["graph LR", *boxes, *(f"    {_id(a)} -->|{n}| {_id(b)}" for (a, b), n in sorted(found.items()))]
    )


def _row(room: str, top: Arrows) -> tuple[str, str, str]:
    targets = sorted(target for source, target in top if source == room)
    return code(room), str(len(modules_of(room))), ", ".join(map(code, targets)) or "nothing of the house"


def _in(name: str, room: str) -> bool:
    return name == room or name.startswith(f"{room}.")


def _same_room(pair: tuple[str, str]) -> bool:
    return pair[0].split(".")[0] == pair[1].split(".")[0]


def _id(name: str) -> str:
    return name.replace(".", "_")

"""The automation mode: what it means, who said so, and what it held back."""

from datetime import datetime

from rich.console import Group, RenderableType
from rich.text import Text

from cli.render.fitting import Room
from cli.render.hostlist import names
from cli.render.listing import Column, listing
from cli.render.words import DIM, age, facts, mode
from wire.api import AutomationView, Mode

MEANINGS = {
    Mode.OFF: "nothing is done by itself, not even a relaunch",
    Mode.SHADOW: "jobs are relaunched; all else is only recorded",
    Mode.APPROVE: "jobs are relaunched; all else waits for a person",
    Mode.AUTO: "playbooks act, each as far as its own mode lets it",
}


def automation(view: AutomationView, now: datetime, _wide: bool = False) -> RenderableType:
    head = Text.assemble(("automation", "bold"), "  ", mode(view.mode), "  ", MEANINGS[view.mode])
    rows = {"set by": f"{view.set_by}, {age(view.set_at, now)} ago" if view.set_by else "nobody yet"}
    if view.waiting:
        rows["waiting"] = f"for approval: run {names([str(run) for run in view.waiting])}; `mainstay run approve RUN`"
    parts: list[RenderableType] = [head, facts(rows)]
    if view.held_back:
        counts = sorted(view.held_back.items(), key=lambda each: (-each[1], each[0]))
        parts += [Text(), listing(counts, HELD_BACK, now)]
    elif view.mode is Mode.SHADOW:
        parts.append(Text("nothing was held back since", style=DIM))
    return Group(*parts)


HELD_BACK: tuple[Column[tuple[str, int]], ...] = (
    Column("ONLY RECORDED", lambda each, _: each[0], room=Room.NAME),
    Column("TIMES", lambda each, _: str(each[1])),
)

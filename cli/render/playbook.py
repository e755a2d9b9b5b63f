"""Playbooks: which finding starts what."""

from collections.abc import Sequence
from datetime import datetime

from rich.console import Group, RenderableType
from rich.text import Text

from cli.render.fitting import Room
from cli.render.listing import Column, listing
from cli.render.words import facts, mode
from wire.api import PlaybookCheck, PlaybookStepView, PlaybookView


def playbooks(views: Sequence[PlaybookView], now: datetime, wide: bool = False) -> RenderableType:
    return listing(views, COLUMNS, now, wide) if views else Text("no playbook")


def playbook(view: PlaybookView, now: datetime, _wide: bool = False) -> RenderableType:
    head = Text.assemble((view.name, "bold"), "  ", mode(view.mode))
    rows = {"when": view.finding, "does": view.summary}
    return Group(head, facts(rows), Text(), listing(view.steps, STEPS, now))


def checks(views: Sequence[PlaybookCheck], now: datetime) -> RenderableType:
    """Those that are right, and what they would do."""
    return listing(views, CHECKED, now)


def _actions(view: PlaybookView | None) -> str:
    return " -> ".join(step.action for step in view.steps) if view else ""


STEPS: tuple[Column[PlaybookStepView], ...] = (
    Column("ACTION", lambda step, _: step.action),
    Column("TARGET", lambda step, _: step.target),
    Column("WITHIN", lambda step, _: f"{step.timeout_s:g} s"),
)
COLUMNS: tuple[Column[PlaybookView], ...] = (
    Column("FINDING", lambda view, _: view.finding),
    Column("PLAYBOOK", lambda view, _: view.name, room=Room.NAME),
    Column("MODE", lambda view, _: mode(view.mode), key=lambda view: view.mode.rank),
    Column("STEPS", lambda view, _: _actions(view), room=Room.TEXT),
    Column("SUMMARY", lambda view, _: view.summary, wide=True, room=Room.PROSE),
)
CHECKED: tuple[Column[PlaybookCheck], ...] = (
    Column("FILE", lambda check, _: check.source, room=Room.NAME),
    Column("FINDING", lambda check, _: check.playbook.finding if check.playbook else ""),
    Column("PLAYBOOK", lambda check, _: check.playbook.name if check.playbook else "", room=Room.NAME),
    Column("MODE", lambda check, _: mode(check.playbook.mode) if check.playbook else ""),
    Column("STEPS", lambda check, _: _actions(check.playbook), room=Room.TEXT),
)

"""Incidents: what findings opened."""

from collections.abc import Sequence
from datetime import datetime

from rich.console import Group, RenderableType
from rich.text import Text

from cli.render import run
from cli.render.fitting import Room
from cli.render.listing import Column, listing
from cli.render.words import BAD, DIM, GOOD, WARN, age, clock, duration, facts, optional, youngest
from wire.api import IncidentView


def incidents(views: Sequence[IncidentView], now: datetime, wide: bool = False) -> RenderableType:
    return listing(views, COLUMNS, now, wide) if views else Text("no incident")


def incident(view: IncidentView, now: datetime, wide: bool = False) -> RenderableType:
    head = Text.assemble((f"incident {view.id}", "bold"), f"  {view.finding} on {view.subject}  ", _state(view))
    rows = {"because": view.message, "opened": f"{clock(view.opened_at, now)} UTC, {age(view.opened_at, now)} ago"}
    if view.closed_at is not None:
        rows["closed"] = f"after {_lasted(view)}"
    rows["seen by"] = f"{view.acked_by}, {age(view.acked_at, now)} ago" if view.acked_at else "nobody has said so"
    if view.note:
        rows["note"] = view.note
    done: RenderableType = run.runs(view.runs, now, wide) if view.runs else Text("no playbook has run", style=DIM)
    return Group(head, facts(rows), Text(), done)


def _state(view: IncidentView) -> Text:
    if view.closed_at is not None:
        return Text("closed", style=GOOD)
    return Text("acked", style=WARN) if view.acked_at else Text("open", style=BAD)


def _lasted(view: IncidentView) -> str:
    return optional(duration((view.closed_at - view.opened_at).total_seconds()) if view.closed_at else None)


def _seconds(view: IncidentView) -> float | None:
    return (view.closed_at - view.opened_at).total_seconds() if view.closed_at else None


COLUMNS: tuple[Column[IncidentView], ...] = (
    Column("ID", lambda view, _: str(view.id), key=lambda view: view.id),
    Column("FINDING", lambda view, _: view.finding),
    Column("SUBJECT", lambda view, _: view.subject, room=Room.NAME),
    Column("STATE", lambda view, _: _state(view)),
    Column("AGE", lambda view, now: age(view.opened_at, now), key=lambda view: youngest(view.opened_at)),
    Column("LASTED", lambda view, _: _lasted(view), key=_seconds),
    Column("SEEN BY", lambda view, _: optional(view.acked_by), wide=True, room=Room.NAME),
    Column("NOTE", lambda view, _: optional(view.note), wide=True, room=Room.PROSE),
    Column("MESSAGE", lambda view, _: view.message, room=Room.PROSE),
)

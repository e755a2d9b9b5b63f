"""Events, one a line; lines of different moments stand under one another."""

from collections.abc import Sequence
from datetime import datetime

from rich.console import Group, RenderableType
from rich.text import Text

from cli.render.fitting import Room
from cli.render.listing import Column, listing
from cli.render.words import BAD, DIM, DOUBT, GOOD, NONE, WARN, age, clock, optional, youngest
from wire.api import EventView

COLOURS = {
    "node_lost": BAD,
    "rank_failed": BAD,
    "attempt_failed": BAD,
    "message_unfit": BAD,
    "condition": WARN,
    "fault": WARN,
    "attempt_stopping": WARN,
    "node_returned": GOOD,
    "first_step": GOOD,
    "checkpoint_published": DIM,
    "checkpoint_refused": BAD,
}
REASONS = {"lost": BAD, "suspect": DOUBT, "in_contact": GOOD, "failed": BAD, "succeeded": GOOD, "refuse": BAD}


def events(views: Sequence[EventView], now: datetime, wide: bool = False, one_line: bool = False) -> RenderableType:
    return listing(views, COLUMNS, now, wide, one_line) if views else Text("no events")


def line(view: EventView, now: datetime, _wide: bool = False) -> Text:
    """One event on a line of its own, for a list that goes on."""
    cells = [f"{view.id:>6}", clock(view.at, now), f"{view.kind:<20}", f"{about(view) or NONE:<16}", told(view)]
    return Text("  ".join(cells), style=colour(view))


def lines(views: Sequence[EventView], now: datetime, wide: bool = False) -> RenderableType:
    return Group(*(line(view, now, wide) for view in views))


def about(view: EventView) -> str:
    """Whom it is about: a node, a job and its attempt, or both."""
    job = view.job if view.attempt is None else f"{view.job}.{view.attempt}"
    return " ".join(word for word in (view.node, job if view.job else None) if word)


def told(view: EventView) -> str:
    """Its message; where that lacks the reason, the reason first."""
    if not view.reason or view.reason == "ok" or view.reason.replace("_", " ") in view.message.replace("_", " "):
        return view.message or view.reason
    return f"{view.reason}: {view.message}" if view.message else view.reason


def colour(view: EventView) -> str:
    return COLOURS.get(view.kind) or REASONS.get(view.reason, "")


COLUMNS: tuple[Column[EventView], ...] = (
    Column("ID", lambda view, _: str(view.id), key=lambda view: view.id),
    Column("UTC", lambda view, now: Text(clock(view.at, now), style=DIM), key=lambda view: view.at),
    Column("AGE", lambda view, now: age(view.at, now), wide=True, key=lambda view: youngest(view.at)),
    Column("KIND", lambda view, _: Text(view.kind, style=colour(view))),
    Column("ABOUT", lambda view, _: optional(about(view)), room=Room.NAME),
    Column("RUN", lambda view, _: optional(view.run), wide=True, key=lambda view: view.run),
    Column("MESSAGE", lambda view, _: optional(told(view)), room=Room.PROSE),
)

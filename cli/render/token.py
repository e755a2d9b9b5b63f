"""Tokens, without their secrets."""

from collections.abc import Sequence
from datetime import datetime

from rich.console import RenderableType
from rich.text import Text

from cli.render.fitting import Room
from cli.render.listing import Column, listing
from cli.render.words import NONE, age, duration, optional, youngest
from wire.api import TokenView


def tokens(views: Sequence[TokenView], now: datetime, wide: bool = False) -> RenderableType:
    return listing(views, COLUMNS, now, wide) if views else Text("no token")


def _until(view: TokenView, now: datetime) -> str:
    return NONE if view.expires_at is None else f"in {duration((view.expires_at - now).total_seconds())}"


def _expires(view: TokenView) -> float | None:
    return view.expires_at.timestamp() if view.expires_at else None


COLUMNS: tuple[Column[TokenView], ...] = (
    Column("ID", lambda view, _: view.id),
    Column("KIND", lambda view, _: view.kind),
    Column("NAME", lambda view, _: view.name, room=Room.NAME),
    Column("USER", lambda view, _: optional(view.user), room=Room.NAME),
    Column("AGE", lambda view, now: age(view.created_at, now), key=lambda view: youngest(view.created_at)),
    Column("USED", lambda view, now: age(view.used_at, now), key=lambda view: youngest(view.used_at)),
    Column("EXPIRES", _until, key=_expires),
    Column("MADE BY", lambda view, _: view.created_by, room=Room.NAME),
)

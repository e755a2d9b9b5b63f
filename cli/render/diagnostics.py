"""What diagnostics measured."""

from collections.abc import Sequence
from datetime import datetime

from rich.console import Group, RenderableType
from rich.text import Text

from cli.render.fitting import Room
from cli.render.listing import Column, listing
from cli.render.words import BAD, DIM, GOOD, NONE, age
from wire.api import FigureView


def diagnostics(views: Sequence[FigureView], now: datetime, wide: bool = False) -> RenderableType:
    return listing(sorted(views, key=_urgency), COLUMNS, now, wide) if views else Text("nothing was measured")


def of_node(views: Sequence[FigureView], now: datetime) -> RenderableType:
    """One line, and what is wrong below it."""
    bad = [view for view in views if view.ok is False]
    good = sum(view.ok is True for view in views)
    line = f"measured {age(max(view.at for view in views), now)} ago: {good} figures, {len(bad)} bad"
    told = [Text(f"{view.name}: {view.message}", style=BAD) for view in bad]
    return Group(Text(line, style=BAD if bad else DIM), *told)


def _urgency(view: FigureView) -> tuple[int, str, str]:
    return (False, True, None).index(view.ok), view.name, view.component


def _result(view: FigureView) -> Text:
    if view.ok is None:
        return Text("skipped", style=DIM)
    return Text("ok", style=GOOD) if view.ok else Text("wrong" if view.wrong else "failed", style=BAD)


def _value(view: FigureView) -> str:
    if view.value is None:
        return NONE
    if view.unit == "s":
        return f"{view.value * 1000:.3g} ms"
    return f"{view.value:.3g} {view.unit}"


COLUMNS: tuple[Column[FigureView], ...] = (
    Column("FIGURE", lambda view, _: view.name),
    Column("OF", lambda view, _: view.component or NONE, room=Room.NAME),
    Column("VALUE", lambda view, _: _value(view), key=lambda view: view.value),
    Column("RESULT", lambda view, _: _result(view)),
    Column("KIND", lambda view, _: view.kind or NONE, wide=True, room=Room.NAME),
    Column("MESSAGE", lambda view, _: view.message.removeprefix("skipped: ") or NONE, room=Room.TEXT),
)

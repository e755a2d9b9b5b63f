"""Lists: columns said once give the table, the wide table and what ``--sort`` takes.

Where 80 columns are not enough, columns of Room.PROSE are cut first, then those of Room.TEXT and of Room.NAME fold.

COLUMNS = (
    Column("NAME", lambda view, now: view.name, room=Room.NAME),
    Column("PHASE", lambda view, now: phase(view.phase)),
    Column("AGE", lambda view, now: age(view.created_at, now), key=lambda view: youngest(view.created_at)),
    Column("ADDRESS", lambda view, now: view.address, wide=True),
    Column("MESSAGE", lambda view, now: view.message, room=Room.PROSE),
)

def nodes(views, now, wide=False):
    return listing(views, COLUMNS, now, wide) if views else Text("no node has joined; ...")
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar

from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table
from rich.text import Text

from cli.errors import Invalid
from cli.render import fitting
from cli.render.fitting import Room
from cli.render.words import NONE, table

V = TypeVar("V")
Cell = str | Text

GAP = 2  # columns between two columns
_SOME_TIME = datetime.min.replace(tzinfo=UTC)  # what depends on the time of looking has a key of its own


@dataclass(frozen=True)
class Column(Generic[V]):
    """``cell`` shows a view at a moment.

    ``key`` orders views for ``--sort`` (None: last in either direction); without one the cell's text does, with
    numbers in it by their size: n2 before n10. A cell that tells an age needs a key.
    """

    title: str
    cell: Callable[[V, datetime], Cell]
    wide: bool = False  # only with -o wide
    room: Room = Room.WORD
    key: Callable[[V], Any] | None = None

    @property
    def field(self) -> str:
        """Its name for ``--sort``."""
        return self.title.lower().replace(" ", "_")

    def value(self, view: V) -> Any:
        if self.key is not None:
            return self.key(view)
        text = str(self.cell(view, _SOME_TIME))
        return None if text == NONE else _natural(text)


class Listing(Generic[V]):
    """One row a view, fitted to the room there is; with ``one_line`` names are shortened where else they fold."""

    def __init__(self, views: Sequence[V], columns: Sequence[Column[V]], now: datetime, one_line: bool = False) -> None:
        self.columns, self.one_line = columns, one_line
        self.rows = [[_line(column.cell(view, now)) for column in columns] for view in views]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Where even that is too narrow lines are longer than the room, and the terminal breaks them or cuts them."""
        widths = self._widths(options.max_width)
        needed = sum(widths) + GAP * (len(widths) - 1)
        yield from console.render(self._table(widths), options.update_width(max(needed, options.max_width)))

    def _table(self, widths: Sequence[int]) -> Table:
        made = table(*(column.title for column in self.columns))
        for row in self.rows:
            made.add_row(*(self._fitted(cell, widths[at], self.columns[at].room) for at, cell in enumerate(row)))
        return made

    def _widths(self, room: int) -> list[int]:
        cells = ([Text(column.title), *(row[at] for row in self.rows)] for at, column in enumerate(self.columns))
        given = [max(cell.cell_len for cell in each) for each in cells]
        for giving, least in fitting.GIVING:
            may = [max(least, len(column.title)) if column.room is giving else room for column in self.columns]
            given = fitting.widths(given, may, sum(given) + GAP * (len(given) - 1) - room)
        return given

    def _fitted(self, cell: Text, width: int, room: Room) -> Text:
        if room is Room.WORD:
            return cell
        if room is Room.PROSE:
            return fitting.cut(cell, width)
        return fitting.shortened(cell, width) if self.one_line else fitting.folded(cell, width)


def listing(
    views: Sequence[V], columns: Sequence[Column[V]], now: datetime, wide: bool = False, one_line: bool = False
) -> Listing[V]:
    return Listing(views, [column for column in columns if wide or not column.wide], now, one_line)


def ordering(columns: Sequence[Column[V]], sort: str | None) -> Callable[[Sequence[V]], list[V]]:
    """What ``--sort FIELD`` does to a list; ``-FIELD`` from the other end. Raises Invalid naming the known fields."""
    if sort is None:
        return list
    found = next((column for column in columns if column.field == sort.removeprefix("-")), None)
    if found is None:
        known = ", ".join(column.field for column in columns)
        raise Invalid(f"--sort {sort}: no such field; known are {known}, and -FIELD for the other direction")
    column, reverse = found, sort.startswith("-")
    return lambda views: _ordered(views, column, reverse)


def _ordered(views: Sequence[V], column: Column[V], reverse: bool) -> list[V]:
    valued = [view for view in views if column.value(view) is not None]
    return sorted(valued, key=column.value, reverse=reverse) + [view for view in views if column.value(view) is None]


def _line(cell: Cell) -> Text:
    """One line, whatever is in it."""
    text = Text(cell) if isinstance(cell, str) else cell
    return text if "\n" not in text.plain else Text(" ".join(text.plain.split()), style=text.style)


def _natural(text: str) -> list[tuple[int, int, str]]:
    """Order that reads numbers as numbers."""
    return [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in re.split(r"(\d+)", text) if part]

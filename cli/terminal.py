"""What goes to the terminal: views on stdout as a table, JSON or YAML; everything else on stderr.

A command that prints once (what it has just done) calls ``show``. One that lists or shows what changes calls
``cli.watch.display`` with the options --output, --watch and --interval:

    @app.command("list")
    def list_nodes(
        context: typer.Context,
        phase: Annotated[list[NodePhase] | None, typer.Option("--phase", help="Only these phases.")] = None,
        sort: SortOption = None,
        output: OutputOption = Output.TABLE,
        watch: WatchOption = False,
        interval: IntervalOption = INTERVAL_S,
    ) -> None:
        order = ordering(render.COLUMNS, sort)  # cli.render.listing: columns declared once
        with connected(context) as client:
            look = lambda: order([view for view in client.nodes() if among(view.phase, phase)])  # cli.filters
            display(look, render.nodes, output, watch, interval)  # render.nodes(views, now, wide)
"""

import os
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console, RenderableType

from cli.errors import Invalid

PLAIN_WIDTH = 80
UNBOUNDED = 1000  # columns that a wide table may take


class Output(StrEnum):
    TABLE = "table"
    WIDE = "wide"
    JSON = "json"
    YAML = "yaml"


OutputOption = Annotated[
    Output, typer.Option("--output", "-o", help="How to print: table (80 columns), wide (all there is), json, yaml.")
]
SortOption = Annotated[
    str | None, typer.Option("--sort", metavar="FIELD", help="Order by a column; -FIELD from the other end.")
]
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Do it without asking.")]


def show(view: Any, render: Callable[[datetime], RenderableType], output: Output) -> None:
    """Print a view once. ``render`` makes the table at the moment it is given."""
    if output in (Output.JSON, Output.YAML):
        print(encoded(view, output), end="")
    else:
        print_table(render(datetime.now(UTC)), output)


def print_table(table: RenderableType, output: Output = Output.TABLE) -> None:
    screen = console(wide=output is Output.WIDE)
    if screen.is_terminal:
        screen.print(table, crop=False)
        return
    with screen.capture() as captured:
        screen.print(table, crop=False)
    print("\n".join(line.rstrip() for line in captured.get().splitlines()))


def encoded(view: Any, output: Output) -> str:
    """A view as JSON or YAML to be read by people too, with its last newline."""
    if output is Output.JSON:
        return msgspec.json.format(msgspec.json.encode(view), indent=2).decode() + "\n"
    import yaml  # here: it takes longer to import than most commands need altogether

    return yaml.safe_dump(msgspec.to_builtins(view), sort_keys=False, allow_unicode=True, width=UNBOUNDED)


def console(wide: bool = False) -> Console:
    """stdout. Colours only on a terminal that has them, and without NO_COLOR; 80 columns into a file or pipe.

    ``wide`` folds nothing: a terminal breaks what is too long for it.
    """
    width = UNBOUNDED if wide else None if sys.stdout.isatty() or "COLUMNS" in os.environ else PLAIN_WIDTH
    return Console(file=sys.stdout, width=width, highlight=False, markup=False, emoji=False)


def error_console() -> Console:
    return Console(file=sys.stderr, highlight=False, markup=False, emoji=False)


def moves(console: Console) -> bool:
    """Whether lines already printed there can be drawn over."""
    return console.file.isatty() and not console.is_dumb_terminal


def say(line: str) -> None:
    """One line on stderr, whatever is in it."""
    print(f"mainstay: {' '.join(line.split())}", file=sys.stderr, flush=True)


def confirm(question: str, yes: bool) -> bool:
    """Ask before something is destroyed. Raises Invalid where nobody can be asked."""
    if yes:
        return True
    if not sys.stdin.isatty():
        raise Invalid(f"{question} Nobody to ask here: add --yes")
    return typer.confirm(question, err=True)

"""What goes to the terminal: views on stdout as a table or JSON, everything else on stderr."""

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


class Output(StrEnum):
    TABLE = "table"
    JSON = "json"


OutputOption = Annotated[Output, typer.Option("--output", "-o", help="How to print.")]
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Do it without asking.")]


def show(view: Any, render: Callable[[datetime], RenderableType], output: Output) -> None:
    """``render`` makes the table at the moment it is given."""
    if output is Output.JSON:
        print(msgspec.json.format(msgspec.json.encode(view), indent=2).decode())
    else:
        console().print(render(datetime.now(UTC)))


def console() -> Console:
    """Colours only on a terminal and without NO_COLOR; 80 columns into a file or pipe."""
    width = None if sys.stdout.isatty() or "COLUMNS" in os.environ else PLAIN_WIDTH
    return Console(file=sys.stdout, width=width, highlight=False, markup=False, emoji=False)


def say(line: str) -> None:
    """One line on stderr, whatever is in it."""
    print(f"mainstay: {' '.join(line.split())}", file=sys.stderr)


def confirm(question: str, yes: bool) -> bool:
    """Ask before something is destroyed. Raises Invalid where nobody can be asked."""
    if yes:
        return True
    if not sys.stdin.isatty():
        raise Invalid(f"{question} Nobody to ask here: add --yes")
    return typer.confirm(question, err=True)

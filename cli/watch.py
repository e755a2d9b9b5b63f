"""--watch: a view shown again and again.

On a terminal it is drawn over itself; into a file or pipe it is printed again when it changed: tables with an empty
line between them, JSON one line each, YAML one document each. Ctrl-C ends it with status 130, as it ends anything.
A controller that is away for a while does not end it.
"""

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar

import msgspec
import typer
from rich.console import Group, RenderableType
from rich.live import Live
from rich.text import Text

from cli.errors import Failed
from cli.render.words import BAD, DIM, duration
from cli.terminal import Output, console, encoded, moves, print_table, say, show

T = TypeVar("T")
Render = Callable[[T, datetime, bool], RenderableType]

WatchOption = Annotated[bool, typer.Option("--watch", "-w", help="Go on showing it until Ctrl-C.")]
IntervalOption = Annotated[float, typer.Option("--interval", min=0.1, help="Seconds between two looks of --watch.")]
INTERVAL_S = 2.0

_ALWAYS_NEW = frozenset({"last_contact_s"})  # grows between any two looks, and says nothing by that


def display(
    look: Callable[[], T], render: Render[T], output: Output, watch: bool = False, interval: float = INTERVAL_S
) -> None:
    """Show what ``look`` gives: once, or with ``watch`` again every ``interval`` seconds.

    ``render(view, now, wide)`` makes the table. ``look`` may raise CliError; once watching, Failed is waited out.
    """
    if not watch:
        view = look()
        show(view, lambda now: render(view, now, output is Output.WIDE), output)
    elif output in (Output.TABLE, Output.WIDE) and moves(console()):
        _redraw(look, render, output, interval)
    else:
        for view in _changes(look, interval):
            _print_again(view, render, output)


def looks(look: Callable[[], T], interval: float, trouble: Callable[[str, int], None]) -> Iterator[T]:
    """What each look gives, for ever. The first one's failure is raised.

    ``trouble`` hears of every later one that failed, and which in a row it was.
    """
    yield look()
    failed = 0
    while True:
        time.sleep(interval)
        try:
            view = look()
        except Failed as error:
            failed += 1
            trouble(str(error), failed)
        else:
            failed = 0
            yield view


def say_first(problem: str, failed: int) -> None:
    """Trouble on stderr, once while it lasts."""
    if failed == 1:
        say(problem)


def _redraw(look: Callable[[], T], render: Render[T], output: Output, interval: float) -> None:
    screen, wide = console(), output is Output.WIDE
    last: list[tuple[T, datetime]] = []

    def frame(problem: str | None = None) -> RenderableType:
        view, at = last[-1]
        now = datetime.now(UTC)
        return Group(render(view, now, wide), Text(), footer(at, now, interval, problem))

    with Live(console=screen, auto_refresh=False, vertical_overflow="ellipsis") as live:
        for view in looks(look, interval, lambda problem, _: live.update(frame(problem), refresh=True)):
            last[:] = [(view, datetime.now(UTC))]
            live.update(frame(), refresh=True)


def footer(at: datetime, now: datetime, interval: float, problem: str | None) -> Text:
    """What is known of how old the screen is."""
    if problem is None:
        return Text(f"{at:%H:%M:%S} UTC, every {interval:g} s; Ctrl-C ends", style=DIM)
    old = duration((now - at).total_seconds())
    return Text.assemble((f"as of {at:%H:%M:%S} UTC, {old} ago: ", BAD), problem)


def _changes(look: Callable[[], T], interval: float) -> Iterator[T]:
    """Each view that differs from the one before."""
    before: Any = None
    for view in looks(look, interval, say_first):
        if (now := _lasting(msgspec.to_builtins(view))) != before:
            yield view
            before = now


def _print_again(view: Any, render: Render[Any], output: Output) -> None:
    match output:
        case Output.JSON:
            print(msgspec.json.encode(view).decode(), flush=True)
        case Output.YAML:
            print("---\n" + encoded(view, output), end="", flush=True)
        case _:
            print_table(render(view, datetime.now(UTC), output is Output.WIDE), output)
            print(flush=True)


def _lasting(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _lasting(each) for key, each in value.items() if key not in _ALWAYS_NEW}
    return [_lasting(each) for each in value] if isinstance(value, list) else value

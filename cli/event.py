"""`mainstay event`."""

import time
from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec
import typer

from cli import completion
from cli.client import Client
from cli.connection import connected
from cli.filters import known_to
from cli.render import event as render
from cli.render.listing import ordering
from cli.terminal import Output, OutputOption, SortOption, encoded, print_table, show
from cli.watch import IntervalOption, WatchOption, looks, say_first
from wire.api import EventView

MOST = 1000  # the API gives no more at once
INTERVAL_S = 1.0

app = typer.Typer(help="Everything that happened, in order.", rich_markup_mode=None)


@app.callback()
def _event() -> None:
    pass


@app.command("list")
def list_events(
    context: typer.Context,
    after: Annotated[int | None, typer.Option("--after", min=0, help="The first ones after this id instead.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=MOST, help="How many.")] = 50,
    kind: Annotated[list[str] | None, typer.Option("--kind", help="Only this kind; repeatable.")] = None,
    node: Annotated[
        str | None, typer.Option("--node", help="Only about this node.", autocompletion=completion.nodes)
    ] = None,
    job: Annotated[
        str | None, typer.Option("--job", help="Only about this job, by its id.", autocompletion=completion.jobs)
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Also each published checkpoint.")] = False,
    sort: SortOption = None,
    output: OutputOption = Output.TABLE,
    watch: WatchOption = False,
    interval: IntervalOption = INTERVAL_S,
) -> None:
    """The last events, oldest first. With --watch each new one is added below."""
    order = ordering(render.COLUMNS, sort)
    asked: dict[str, Any] = {"kind": kind, "node": node, "job": job, "routine": everything or bool(kind)}
    with connected(context) as client:
        views = client.events(after or 0, limit, last=after is None, **asked)
        if not watch:
            found = order(_known(client, views, kind, node, job))
            show(found, lambda now: render.events(found, now, output is Output.WIDE), output)
            return
        _print(views, output)
        _follow(client, views[-1].id if views else after or 0, asked, output, interval)


def _follow(client: Client, last: int, asked: dict[str, Any], output: Output, interval: float) -> None:
    def look() -> list[EventView]:
        return client.events(last, MOST, **asked)

    time.sleep(interval)
    for views in looks(look, interval, say_first):
        _print(views, output)
        last = views[-1].id if views else last


def _print(views: list[EventView], output: Output) -> None:
    """JSON one line each, YAML one document each."""
    match output:
        case Output.JSON:
            for view in views:
                print(msgspec.json.encode(view).decode(), flush=True)
        case Output.YAML:
            for view in views:
                print("---\n" + encoded(view, output), end="", flush=True)
        case _ if views:
            print_table(render.lines(views, datetime.now(UTC)), Output.WIDE)  # one line each, whatever its length


def _known(
    client: Client, views: list[EventView], kinds: list[str] | None, node: str | None, job: str | None
) -> list[EventView]:
    """Nothing found may mean that a name is wrong: then Invalid says which are known."""
    for kind in kinds or []:
        known_to("--kind", kind, views, lambda: (view.kind for view in client.events(0, MOST, last=True)))
    known_to("--node", node, views, lambda: (view.name for view in client.nodes()))
    known_to("--job", job, views, lambda: (view.id for view in client.jobs()))
    return views

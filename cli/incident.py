"""`mainstay incident`."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from cli import completion
from cli.connection import connected
from cli.durations import parse_duration
from cli.filters import like
from cli.render import incident as render
from cli.render.listing import ordering
from cli.terminal import Output, OutputOption, SortOption, show
from cli.watch import INTERVAL_S, IntervalOption, WatchOption, display
from wire.api import AckRequest, IncidentView

app = typer.Typer(help="What was found wrong, and who has seen it.", rich_markup_mode=None)

Number = Annotated[int, typer.Argument(min=1, help="The incident's number.", autocompletion=completion.incidents)]


@app.command("list")
def list_incidents(
    context: typer.Context,
    still: Annotated[bool | None, typer.Option("--open/--closed", help="Only these; else all.")] = None,
    unacked: Annotated[bool, typer.Option("--unacked", help="Only those nobody has acknowledged.")] = False,
    finding: Annotated[str | None, typer.Option("--finding", help="Only findings of this kind.")] = None,
    subject: Annotated[
        str | None, typer.Option("--subject", metavar="KIND:NAME", help="Only those about it: node:n2, job:lm-*.")
    ] = None,
    since: Annotated[
        str | None, typer.Option("--since", metavar="DURATION", help="Only those opened in the last 30m, 2h, 7d.")
    ] = None,
    sort: SortOption = None,
    output: OutputOption = Output.TABLE,
    watch: WatchOption = False,
    interval: IntervalOption = INTERVAL_S,
) -> None:
    """Incidents, oldest first."""
    order, span = ordering(render.COLUMNS, sort), timedelta(seconds=parse_duration(since)) if since else None
    with connected(context) as client:

        def look() -> list[IncidentView]:
            earliest = datetime.now(UTC) - span if span else None
            return order(
                [
                    view
                    for view in client.incidents()
                    if (still is None or still == (view.closed_at is None))
                    and not (unacked and view.acked_at)
                    and like(view.finding, finding)
                    and like(view.subject, subject)
                    and (earliest is None or view.opened_at >= earliest)
                ]
            )

        display(look, render.incidents, output, watch, interval)


@app.command("show")
def show_incident(
    context: typer.Context,
    incident: Number,
    output: OutputOption = Output.TABLE,
    watch: WatchOption = False,
    interval: IntervalOption = INTERVAL_S,
) -> None:
    """One incident, and what was done about it."""
    with connected(context) as client:
        display(lambda: client.incident(incident), render.incident, output, watch, interval)


@app.command("ack")
def acknowledge(
    context: typer.Context,
    incident: Number,
    note: Annotated[str, typer.Option("--note", help="For those who look next.")] = "",
    output: OutputOption = Output.TABLE,
) -> None:
    """Say that you have seen it. It stays open until what it is about is over."""
    with connected(context) as client:
        view = client.acknowledge(incident, AckRequest(note))
    show(view, lambda now: render.incident(view, now), output)

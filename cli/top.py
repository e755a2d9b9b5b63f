"""`mainstay top`: the cluster, live."""

import sys
import time
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.live import Live

from cli.client import Client
from cli.connection import connected
from cli.errors import Failed
from cli.keys import key_within, unbuffered
from cli.rates import Rates
from cli.render import top as render
from cli.render.top import Cluster
from cli.terminal import Output, OutputOption, console, moves
from cli.watch import IntervalOption, display

EVENTS = 100
INTERVAL_S = 1.0
QUIT = frozenset("qQ\x04")


def top(
    context: typer.Context,
    once: Annotated[bool, typer.Option("--once", help="One picture, and end.")] = False,
    output: OutputOption = Output.TABLE,
    interval: IntervalOption = INTERVAL_S,
) -> None:
    """The cluster, live: nodes, jobs, what happened last. q or Ctrl-C ends it."""
    rates = Rates()
    with connected(context) as client:
        if not once and output in (Output.TABLE, Output.WIDE) and moves(console()) and sys.stdin.isatty():
            _live(client, rates, interval)
        else:
            display(lambda: look(client, rates), render.top, output, not once, interval)


def look(client: Client, rates: Rates) -> Cluster:
    """Everything there is to show. Raises CliError."""
    jobs = client.jobs()
    paces = rates.after(jobs, time.monotonic())
    last = client.events(0, EVENTS, last=True, routine=False)
    return Cluster(datetime.now(UTC), client.status(), client.nodes(), jobs, client.runs(), last, paces)


def _live(client: Client, rates: Rates, interval: float) -> None:
    """Draw until a key or Ctrl-C says so. A controller that is away is told of, and waited for."""
    cluster, problem = look(client, rates), ""
    with unbuffered(), Live(console=console(), screen=True, auto_refresh=False) as live:
        try:
            while True:
                size = live.console.size
                frame = render.screen(cluster, datetime.now(UTC), size.height, problem)
                live.update(frame, refresh=True)
                if key_within(interval) in QUIT:
                    return
                try:
                    cluster, problem = look(client, rates), ""
                except Failed as error:
                    problem = str(error)
        except KeyboardInterrupt:
            return

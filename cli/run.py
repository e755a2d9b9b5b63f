"""`mainstay run`."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from cli import completion
from cli.connection import connected
from cli.durations import parse_duration
from cli.filters import among, known_to, like
from cli.render import run as render
from cli.render.listing import ordering
from cli.terminal import Output, OutputOption, SortOption
from cli.watch import INTERVAL_S, IntervalOption, WatchOption, display
from wire.api import RunPhase, RunView

app = typer.Typer(help="What playbooks did.", rich_markup_mode=None)


@app.command("list")
def list_runs(
    context: typer.Context,
    phase: Annotated[list[RunPhase] | None, typer.Option("--phase", help="Only these; repeatable.")] = None,
    playbook: Annotated[str | None, typer.Option("--playbook", help="Only runs of this playbook.")] = None,
    node: Annotated[
        str | None, typer.Option("--node", help="Only those about this node.", autocompletion=completion.nodes)
    ] = None,
    job: Annotated[
        str | None, typer.Option("--job", help="Only those about this job.", autocompletion=completion.jobs)
    ] = None,
    since: Annotated[
        str | None, typer.Option("--since", metavar="DURATION", help="Only those begun in the last 30m, 2h, 7d.")
    ] = None,
    sort: SortOption = None,
    output: OutputOption = Output.TABLE,
    watch: WatchOption = False,
    interval: IntervalOption = INTERVAL_S,
) -> None:
    """Runs of playbooks, oldest first."""
    order, span = ordering(render.COLUMNS, sort), timedelta(seconds=parse_duration(since)) if since else None
    with connected(context) as client:

        def look() -> list[RunView]:
            every, earliest = client.runs(), datetime.now(UTC) - span if span else None
            found = [
                view
                for view in every
                if among(view.phase, phase)
                and like(view.playbook, playbook)
                and about(view, "node", node)
                and about(view, "job", job)
                and (earliest is None or view.created_at >= earliest)
            ]
            known_to("--playbook", playbook, found, lambda: (view.playbook for view in every))
            known_to("--node", node, found, lambda: (view.name for view in client.nodes()))
            known_to("--job", job, found, lambda: (each for view in client.jobs() for each in (view.id, view.name)))
            return order(found)

        display(look, render.runs, output, watch, interval)


@app.command("show")
def show_run(
    context: typer.Context,
    run: Annotated[int, typer.Argument(min=1, help="The run's number.", autocompletion=completion.runs)],
    output: OutputOption = Output.TABLE,
    watch: WatchOption = False,
    interval: IntervalOption = INTERVAL_S,
) -> None:
    """One run, step by step, with the decision behind each."""
    with connected(context) as client:
        display(lambda: client.run(run), render.run, output, watch, interval)


def about(view: RunView, kind: str, pattern: str | None) -> bool:
    """Whether its subject is such a node, or such a job by its id or name."""
    if pattern is None:
        return True
    what, _, name = view.subject.partition(":")
    return what == kind and (like(name, pattern) or (kind == "job" and like(name.rpartition("-")[0], pattern)))

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
from cli.terminal import Output, OutputOption, SortOption, YesOption, confirm, show
from cli.watch import INTERVAL_S, IntervalOption, WatchOption, display
from wire.api import ApproveRequest, RunPhase, RunView, WordRequest

app = typer.Typer(help="What playbooks did, and what waits for your word.", rich_markup_mode=None)

Waiting = Annotated[int, typer.Argument(min=1, help="The run's number.", autocompletion=completion.waiting_runs)]
ReasonOption = Annotated[str, typer.Option("--reason", help="Why; kept with the run.")]


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


@app.command("approve")
def approve_run(
    context: typer.Context,
    run: Waiting,
    lasting: Annotated[
        str, typer.Option("--for", metavar="DURATION", help="Steps that have not begun by then ask again.")
    ] = "1h",
    output: OutputOption = Output.TABLE,
) -> None:
    """Let what waits for approval go, and the run's later steps."""
    request = ApproveRequest(parse_duration(lasting))
    with connected(context) as client:
        view = client.approve(run, request)
    show(view, lambda now: render.run(view, now), output)


@app.command("reject")
def reject_run(
    context: typer.Context, run: Waiting, reason: ReasonOption = "", output: OutputOption = Output.TABLE
) -> None:
    """Give up a run that waits for approval."""
    with connected(context) as client:
        view = client.reject(run, WordRequest(reason))
    show(view, lambda now: render.run(view, now), output)


@app.command("abort")
def abort_run(
    context: typer.Context,
    run: Annotated[int, typer.Argument(min=1, help="The run's number.", autocompletion=completion.runs)],
    reason: ReasonOption = "",
    yes: YesOption = False,
    output: OutputOption = Output.TABLE,
) -> None:
    """Begin nothing more of a run. What it has begun is not taken back."""
    with connected(context) as client:
        before = client.run(run)
        question = f"Abort run {run}, {before.playbook} on {before.subject}, {before.phase}?"
        if before.ended_at is None and not confirm(question, yes):
            raise typer.Abort
        view = client.abort(run, WordRequest(reason))
    show(view, lambda now: render.run(view, now), output)


def about(view: RunView, kind: str, pattern: str | None) -> bool:
    """Whether its subject is such a node, or such a job by its id or name."""
    if pattern is None:
        return True
    what, _, name = view.subject.partition(":")
    return what == kind and (like(name, pattern) or (kind == "job" and like(name.rpartition("-")[0], pattern)))

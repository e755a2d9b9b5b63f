"""`mainstay job`."""

import sys
import time
from pathlib import Path
from typing import Annotated

import typer

from cli import completion, job_file
from cli.client import Client
from cli.connection import connected
from cli.durations import parse_duration
from cli.errors import Failed
from cli.filters import among, any_like, known_to, like
from cli.log_tail import unseen
from cli.render import job as render
from cli.render.listing import ordering
from cli.terminal import Output, OutputOption, SortOption, YesOption, confirm, say, show
from cli.waiting import TimeoutOption, WaitOption, wait
from cli.watch import INTERVAL_S, IntervalOption, WatchOption, display
from wire.api import ENDED_JOB_PHASES, JobPhase, JobView

FOLLOW_S = 1.0
LOG_BYTES = 64 * 1024

app = typer.Typer(help="Training jobs: submitted, followed, stopped.", rich_markup_mode=None)

Ref = Annotated[
    str,
    typer.Argument(
        metavar="JOB", help="Its id; or a name: the newest job of that name.", autocompletion=completion.jobs
    ),
]
NodeOption = Annotated[
    str | None,
    typer.Option("--node", help="Whose log; rank 0's node if not given.", autocompletion=completion.nodes),
]
AttemptOption = Annotated[int | None, typer.Option("--attempt", min=1, help="The newest if not given.")]


@app.command("submit")
def submit_job(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="The job file, TOML.")],
    until_end: WaitOption = False,
    timeout: TimeoutOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Submit a job. Relative paths in the file count from its own folder.

    With --wait: until it has ended; exit status 0 if it succeeded.
    """
    spec, timeout_s = job_file.read(file), _seconds(timeout)
    with connected(context) as client:
        view = client.submit(spec)
        if until_end:
            say(f"{view.id} is submitted")
            view = _ended(client, view.id, timeout_s, "it goes on")
    show(view, lambda now: render.job(view, now), output)
    if until_end and view.phase is not JobPhase.SUCCEEDED:
        raise Failed(f"{view.id} {view.phase}; `mainstay why job {view.id}` says why")


@app.command("list")
def list_jobs(
    context: typer.Context,
    phase: Annotated[list[JobPhase] | None, typer.Option("--phase", help="Only these; repeatable.")] = None,
    name: Annotated[str | None, typer.Option("--name", help="Only jobs of this name; `bytes-*` is a pattern.")] = None,
    node: Annotated[
        str | None, typer.Option("--node", help="Only those on this node.", autocompletion=completion.nodes)
    ] = None,
    user: Annotated[str | None, typer.Option("--user", help="Only those that run as this Unix user.")] = None,
    active: Annotated[bool, typer.Option("--active", help="Only those that have not ended.")] = False,
    sort: SortOption = None,
    output: OutputOption = Output.TABLE,
    watch: WatchOption = False,
    interval: IntervalOption = INTERVAL_S,
) -> None:
    """All jobs, oldest first."""
    order = ordering(render.COLUMNS, sort)
    with connected(context) as client:

        def look() -> list[JobView]:
            every = client.jobs()
            found = [
                view
                for view in every
                if among(view.phase, phase)
                and like(view.name, name)
                and any_like(view.nodes, node)
                and like(view.user, user)
                and not (active and view.phase in ENDED_JOB_PHASES)
            ]
            known_to("--name", name, found, lambda: (view.name for view in every))
            known_to("--user", user, found, lambda: (view.user for view in every))
            known_to("--node", node, found, lambda: (view.name for view in client.nodes()))
            return order(found)

        display(look, render.jobs, output, watch, interval)


@app.command("show")
def show_job(
    context: typer.Context,
    job: Ref,
    output: OutputOption = Output.TABLE,
    watch: WatchOption = False,
    interval: IntervalOption = INTERVAL_S,
) -> None:
    """One job: how far it is, its attempts and how each ended."""
    with connected(context) as client:
        display(lambda: client.job(job), render.job, output, watch, interval)


@app.command("logs")
def show_logs(
    context: typer.Context,
    job: Ref,
    node: NodeOption = None,
    attempt: AttemptOption = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until the job ends.")] = False,
) -> None:
    """The end of a node's log of an attempt."""
    with connected(context) as client:
        if follow:
            _follow(client, job, node, attempt)
        else:
            _write(client.logs(job, node, attempt, LOG_BYTES))


@app.command("stop")
def stop_job(
    context: typer.Context,
    job: Ref,
    yes: YesOption = False,
    until_end: WaitOption = False,
    timeout: TimeoutOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Stop a job for good."""
    timeout_s = _seconds(timeout)
    with connected(context) as client:
        view = client.job(job)
        where = f" on {', '.join(view.nodes)}" if view.nodes else ""
        if not confirm(f"Stop job {view.id} ({view.phase}{where}, step {view.step or 0})?", yes):
            say("nothing was stopped")
            raise typer.Exit(1)
        view = client.stop(view.id)
        if until_end:
            view = _ended(client, view.id, timeout_s, "it is still being stopped")
    if view.phase not in ENDED_JOB_PHASES:
        say(f"{view.id} is being stopped")
    show(view, lambda now: render.job(view, now), output)


def _ended(client: Client, job: str, timeout_s: float | None, meanwhile: str) -> JobView:
    mend = f"{meanwhile}; `mainstay job show {job}` shows how far it is"
    return wait(lambda: client.job(job), lambda view: view.phase in ENDED_JOB_PHASES, render.progress, timeout_s, mend)


def _seconds(timeout: str | None) -> float | None:
    return None if timeout is None else parse_duration(timeout)


def _follow(client: Client, job: str, node: str | None, attempt: int | None) -> None:
    """Print what is new until the attempt asked for, or the job, has ended. A later attempt begins a new log."""
    seen, current = "", attempt
    while True:
        view = client.job(job)
        number = attempt or view.attempt
        if number != current:
            if current is not None:
                say(f"attempt {number} of {view.id}")
            seen, current = "", number
        ended = view.phase in ENDED_JOB_PHASES or (attempt is not None and attempt < view.attempt)
        if number:
            text = client.logs(view.id, node, number, LOG_BYTES)
            _write(unseen(seen, text))
            seen = text or seen
        if ended:
            return
        time.sleep(FOLLOW_S)


def _write(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()

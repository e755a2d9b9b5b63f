"""`mainstay job`."""

import sys
import time
from pathlib import Path
from typing import Annotated

import typer

from cli import job_file
from cli.client import Client
from cli.connection import connected
from cli.log_tail import unseen
from cli.render import job as render
from cli.terminal import Output, OutputOption, YesOption, confirm, say, show
from wire.api import ENDED_JOB_PHASES

FOLLOW_S = 1.0
LOG_BYTES = 64 * 1024

app = typer.Typer(help="Training jobs: submitted, followed, stopped.", rich_markup_mode=None)

Ref = Annotated[str, typer.Argument(metavar="JOB", help="Its id; or a name: the newest job of that name.")]
NodeOption = Annotated[str | None, typer.Option("--node", help="Whose log; rank 0's node if not given.")]
AttemptOption = Annotated[int | None, typer.Option("--attempt", min=1, help="The newest if not given.")]


@app.command("submit")
def submit_job(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="The job file, TOML.")],
    output: OutputOption = Output.TABLE,
) -> None:
    """Submit a job. Relative paths in the file count from its own folder."""
    spec = job_file.read(file)
    with connected(context) as client:
        view = client.submit(spec)
    show(view, lambda now: render.job(view, now), output)


@app.command("list")
def list_jobs(context: typer.Context, output: OutputOption = Output.TABLE) -> None:
    """All jobs, oldest first."""
    with connected(context) as client:
        views = client.jobs()
    show(views, lambda now: render.jobs(views, now), output)


@app.command("show")
def show_job(context: typer.Context, job: Ref, output: OutputOption = Output.TABLE) -> None:
    """One job: how far it is, its attempts and how each ended."""
    with connected(context) as client:
        view = client.job(job)
    show(view, lambda now: render.job(view, now), output)


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
def stop_job(context: typer.Context, job: Ref, yes: YesOption = False, output: OutputOption = Output.TABLE) -> None:
    """Stop a job for good."""
    with connected(context) as client:
        view = client.job(job)
        where = f" on {', '.join(view.nodes)}" if view.nodes else ""
        if not confirm(f"Stop job {view.id} ({view.phase}{where}, step {view.step or 0})?", yes):
            say("nothing was stopped")
            raise typer.Exit(1)
        view = client.stop(view.id)
    if view.phase not in ENDED_JOB_PHASES:
        say(f"{view.id} is being stopped")
    show(view, lambda now: render.job(view, now), output)


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

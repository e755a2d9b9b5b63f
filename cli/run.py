"""`mainstay run`."""

from typing import Annotated

import typer

from cli.connection import connected
from cli.render import run as render
from cli.terminal import Output, OutputOption, show

app = typer.Typer(help="What playbooks did.", rich_markup_mode=None)


@app.command("list")
def list_runs(context: typer.Context, output: OutputOption = Output.TABLE) -> None:
    """Runs of playbooks, oldest first."""
    with connected(context) as client:
        views = client.runs()
    show(views, lambda now: render.runs(views, now), output)


@app.command("show")
def show_run(
    context: typer.Context,
    run: Annotated[int, typer.Argument(min=1, help="The run's number.")],
    output: OutputOption = Output.TABLE,
) -> None:
    """One run, step by step, with the decision behind each."""
    with connected(context) as client:
        view = client.run(run)
    show(view, lambda now: render.run(view, now), output)

"""`mainstay automation`."""

from typing import Annotated

import typer

from cli.connection import connected
from cli.render import automation as render
from cli.terminal import Output, OutputOption, YesOption, confirm, say, show
from cli.watch import INTERVAL_S, IntervalOption, WatchOption, display
from wire.api import AutomationRequest, Mode

app = typer.Typer(help="How far automation may go.", rich_markup_mode=None)

QUESTIONS = {
    Mode.AUTO: "Let playbooks hold, drain and restart on their own?",
    Mode.OFF: "Stop all automation? Jobs that lose a node stay down until it is on again.",
}


@app.command("show")
def show_automation(
    context: typer.Context,
    output: OutputOption = Output.TABLE,
    watch: WatchOption = False,
    interval: IntervalOption = INTERVAL_S,
) -> None:
    """The mode, who set it, what it held back since, and which runs wait for approval."""
    with connected(context) as client:
        display(client.automation, render.automation, output, watch, interval)


@app.command("set")
def set_automation(
    context: typer.Context,
    mode: Annotated[Mode, typer.Argument(help="off, shadow (record), approve (ask first) or auto.")],
    yes: YesOption = False,
    output: OutputOption = Output.TABLE,
) -> None:
    """Set the mode: a ceiling over what every playbook may do. It takes effect at once."""
    with connected(context) as client:
        before = client.automation()
        if before.mode is not mode and mode in QUESTIONS and not confirm(f"{_now(before.mode)} {QUESTIONS[mode]}", yes):
            raise typer.Abort
        if before.mode is mode:
            say(f"automation is {mode} already")
        view = client.set_automation(AutomationRequest(mode))
    show(view, lambda now: render.automation(view, now), output)


def _now(mode: Mode) -> str:
    return f"Automation is {mode}."

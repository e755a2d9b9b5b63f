"""`mainstay playbook`."""

from pathlib import Path
from typing import Annotated

import typer

from cli import completion
from cli.connection import connected
from cli.errors import Invalid
from cli.filters import among, like
from cli.render import playbook as render
from cli.render.listing import ordering
from cli.terminal import Output, OutputOption, SortOption, say, show
from cli.watch import INTERVAL_S, IntervalOption, WatchOption, display
from wire.api import Mode, PlaybookCheck, PlaybookText

app = typer.Typer(help="What is done about which finding.", rich_markup_mode=None)

MOST_BYTES = 64 * 1024


@app.command("list")
def list_playbooks(
    context: typer.Context,
    finding: Annotated[str | None, typer.Option("--finding", help="Only those about findings of this kind.")] = None,
    mode: Annotated[list[Mode] | None, typer.Option("--mode", help="Only these; repeatable.")] = None,
    sort: SortOption = None,
    output: OutputOption = Output.TABLE,
    watch: WatchOption = False,
    interval: IntervalOption = INTERVAL_S,
) -> None:
    """Which finding starts which playbook."""
    order = ordering(render.COLUMNS, sort)
    with connected(context) as client:
        display(
            lambda: order(
                [view for view in client.playbooks() if like(view.finding, finding) and among(view.mode, mode)]
            ),
            render.playbooks,
            output,
            watch,
            interval,
        )


@app.command("show")
def show_playbook(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="The playbook's name.", autocompletion=completion.playbooks)],
    output: OutputOption = Output.TABLE,
) -> None:
    """One playbook, step by step."""
    with connected(context) as client:
        view = client.playbook(name)
    show(view, lambda now: render.playbook(view, now), output)


@app.command("check")
def check_playbooks(
    context: typer.Context,
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="YAML; nothing is put in force.")],
    output: OutputOption = Output.TABLE,
) -> None:
    """Say whether files are playbooks of the controller's version; exit status 2 if one is not."""
    texts = [_read(file) for file in files]
    with connected(context) as client:
        checks = [client.check_playbook(text) for text in texts]
    good = [check for check in checks if not check.problems]
    if good or output in (Output.JSON, Output.YAML):
        shown = checks if output in (Output.JSON, Output.YAML) else good
        show(shown, lambda now: render.checks(good, now), output)
    for check in checks:
        _tell(check)
    if len(good) < len(checks):
        raise typer.Exit(Invalid.exit_status)


def _read(file: Path) -> PlaybookText:
    try:
        text = file.read_bytes().decode()
    except OSError as error:
        raise Invalid(f"{file}: {error.strerror}; name a playbook's file") from None
    except UnicodeDecodeError as error:
        raise Invalid(f"{file}: not UTF-8 at byte {error.start}; write it anew in that encoding") from None
    if len(text) > MOST_BYTES:
        raise Invalid(f"{file}: more than {MOST_BYTES} characters; that is no playbook")
    return PlaybookText(str(file), text)


def _tell(check: PlaybookCheck) -> None:
    for problem in check.problems:
        place = f":{problem.line}:{problem.column}" if problem.line else ""
        say(f"{check.source}{place}: {problem.message}")

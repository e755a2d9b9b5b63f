"""`mainstay doctor`."""

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from cli.doctor import machine
from cli.doctor.finding import Finding, Verdict, fail, look
from cli.install import agent, controller
from cli.render import doctor as render
from cli.terminal import Output, OutputOption, show
from cli.up import place as up

NOTHING = fail("nothing of Mainstay is installed here", "`mainstay install agent` or `controller`; or `mainstay up`")


def doctor(
    directory: Annotated[Path | None, typer.Option("--dir", help="Where `mainstay up` keeps its files.")] = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Look at what is installed on this machine, and say what is amiss. Exit status 1 when something is."""
    findings = examine(directory or up.default_directory(), Path(sys.prefix) / "bin", datetime.now(UTC))
    show(findings, lambda _: render.findings(findings), output)
    raise typer.Exit(1 if any(each.verdict is Verdict.FAIL for each in findings) else 0)


def examine(own: Path, programs: Path, now: datetime) -> list[Finding]:
    """The machine, its installed services, and what `mainstay up` has left below ``own``."""
    # cryptography takes longer to import than most commands need
    from cli.doctor import subjects
    from cli.doctor.subjects import Where

    places = [
        (subjects.controller, Where(Path(controller.CONFIG), programs, service=True)),
        (subjects.agent, Where(Path(agent.CONFIG), programs, service=True)),
        (subjects.controller, Where(own / up.CONTROLLER_CONFIG, programs, service=False)),
        (subjects.agent, Where(own / up.AGENT_CONFIG, programs, service=False)),
    ]
    found = [each for examined, where in places if where.config.exists() for each in examined(where, now)]
    return look("machine", machine.looks()) + (found or look("machine", [("installation", lambda: NOTHING)]))

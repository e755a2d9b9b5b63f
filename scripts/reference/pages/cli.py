"""Every command of `mainstay`, of `mainstay controller` and of `mainstay-agent`."""

from collections.abc import Iterator
from typing import Any

import typer

from agent import commands as agent
from cli import main as cli
from controller import main as controller
from scripts.reference.markdown import code, fence, heading, paragraphs, prose, table

PATH = "reference/cli.md"
INTRODUCTION = """
What takes `-o` prints a table of 80 columns by default, `wide`, `json` or `yaml` on demand; a program reads those two.
Where the controller is, which token is used and whose certificate is trusted comes from `--api`, `--token-file` and
`--ca` before the command, from MAINSTAY_API, MAINSTAY_TOKEN_FILE and MAINSTAY_CA, or from `~/.config/mainstay/cli.toml`
(`api`, `token_file`, `ca`), in this order.

Exit status: 0 done, 1 failed, 2 bad usage or an invalid file, 3 not found, 4 refused (and by which rule), 130 stopped
with Ctrl-C.
"""
FORWARDED = "mainstay controller"  # hands over to an application of its own


def render() -> list[str]:
    lines = [*heading(1, "The command line"), *paragraphs(INTRODUCTION)]
    for name, app in (("mainstay", cli.app), (FORWARDED, controller.app), ("mainstay-agent", agent.app)):
        for path, command in _commands(name, typer.main.get_command(app)):
            lines += _section(path, command)
    return lines


def _commands(path: str, command: Any) -> Iterator[tuple[str, Any]]:
    """Depth first, in the order of `--help`; what only hands over is told by the application it hands over to."""
    yield path, command
    for name, each in getattr(command, "commands", {}).items():
        if not each.hidden and f"{path} {name}" != FORWARDED:
            yield from _commands(f"{path} {name}", each)


def _section(path: str, command: Any) -> list[str]:
    context = command.context_class(command, info_name=path)
    usage = " ".join([path, *command.collect_usage_pieces(context)])
    rows = [row for each in command.params if (row := each.get_help_record(context)) is not None]
    return [
        *heading(2, path),
        *paragraphs(prose_of(command.help)),
        *fence("text", [usage]),
        *table(("option", "meaning"), [(code(option), prose(meaning)) for option, meaning in rows]),
    ]


def prose_of(text: str | None) -> str:
    return (text or "").replace("\b", "")

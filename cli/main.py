"""The `mainstay` command.

Exit status: 0 done, 1 failed, 2 bad usage or an invalid file, 3 not found, 4 refused (and by which rule).
"""

import sys
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import Annotated

import typer
from typer.exceptions import TyperException

from cli import automation, controller, event, incident, job, node, playbook, run, token, top, why
from cli.demo import command as demo
from cli.doctor import command as doctor
from cli.errors import CliError
from cli.install import command as install
from cli.terminal import say
from cli.up import command as up

INTERRUPTED = 130

app = typer.Typer(
    help="Keeps long training runs alive on clusters that break.",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
)
for noun in (node, job, run, incident, playbook, automation, event, token):
    app.add_typer(noun.app, name=noun.__name__.rpartition(".")[2])
app.command("why")(why.explain)
app.command("top")(top.top)
app.add_typer(install.install_app, name="install")
app.add_typer(install.uninstall_app, name="uninstall")
app.command("up")(up.up)
app.command("doctor")(doctor.doctor)
app.command("demo")(demo.demo)
app.command(
    "controller",
    add_help_option=False,
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "allow_interspersed_args": False},
)(controller.controller)


def _version(asked: bool) -> None:
    if asked:
        print(f"mainstay {metadata.version('mainstay')}")
        raise typer.Exit


@app.callback()
def _mainstay(
    context: typer.Context,
    api: Annotated[str | None, typer.Option(help="HOST:PORT of the controller. Or MAINSTAY_API.")] = None,
    token_file: Annotated[Path | None, typer.Option(help="File with the token. Or MAINSTAY_TOKEN_FILE.")] = None,
    ca: Annotated[Path | None, typer.Option(help="The controller's CA certificate, PEM. Or MAINSTAY_CA.")] = None,
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Which it is.")] = False,
) -> None:
    pass  # cli.connection reads what was given


def main() -> None:
    sys.exit(execute(sys.argv[1:]))


def execute(arguments: Sequence[str]) -> int:
    """Run one command; gives the exit status. Every error is one line on stderr."""
    try:
        return int(app(args=list(arguments), prog_name="mainstay", standalone_mode=False) or 0)
    except CliError as error:
        say(str(error))
        return error.exit_status
    except TyperException as error:
        return _bad_usage(error)
    except typer.Abort:
        say("aborted; nothing was done")
        return 1
    except KeyboardInterrupt:
        return INTERRUPTED


def _bad_usage(error: TyperException) -> int:
    context, text = getattr(error, "ctx", None), error.format_message().rstrip(".").replace("Value error, ", "")
    if "\n" in text:  # the help of a command that was called with nothing
        print(text, file=sys.stderr)
    else:
        say(f"{text}; `{context.command_path if context else 'mainstay'} --help` shows how")
    return error.exit_code


if __name__ == "__main__":
    main()

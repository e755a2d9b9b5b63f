"""``mainstay-agent``: the daemon, and the few commands a node needs."""

import asyncio
import logging
import os
import socket
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from agent import daemon, identity, survey
from agent.config import DEFAULT_PATH, Config, load, parse, units
from agent.errors import AgentError, Invalid

TOKEN_VARIABLE = "MAINSTAY_JOIN_TOKEN"  # noqa: S105 - a variable's name
SAMPLE_TITLE = """Mainstay's agent on this node. "#NAME = VALUE" shows a default; without the "#" it is set.
`mainstay-agent config check` says whether the file is right; the agent reads it when it starts."""

app = typer.Typer(
    help="Mainstay's agent: one per node. Without a command it runs.",
    invoke_without_command=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
config_app = typer.Typer(help="The node's configuration.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(config_app, name="config")

ConfigPath = Annotated[Path | None, typer.Option("--config", help=f"Configuration file; {DEFAULT_PATH} if not given.")]


class Output(StrEnum):
    TABLE = "table"
    JSON = "json"


def main() -> None:
    try:
        app()
    except AgentError as error:
        print(f"mainstay-agent: {error}", file=sys.stderr)
        sys.exit(error.exit_status)


@app.callback()
def default(context: typer.Context, config: ConfigPath = None) -> None:
    context.obj = config
    if context.invoked_subcommand is None:
        run(context, config)


@app.command()
def run(context: typer.Context, config: ConfigPath = None) -> None:
    """Sense, judge, report, and carry out orders, until SIGTERM. Shims and workers stay."""
    loaded = load(_path(context, config))
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    asyncio.run(daemon.serve(loaded))


@app.command()
def join(
    context: typer.Context,
    ca_fingerprint: Annotated[str, typer.Option(help="sha256:HEX, as the controller showed it.")],
    api: Annotated[
        str | None, typer.Option(help="HOST:PORT of the controller's API; `api` in the file if not given.")
    ] = None,
    token: Annotated[str | None, typer.Option(help="Join token. Others see it in ps: better a file.")] = None,
    token_file: Annotated[Path | None, typer.Option(help=f"File with the token. Or set {TOKEN_VARIABLE}.")] = None,
    config: ConfigPath = None,
) -> None:
    """Get this node's certificate from a controller."""
    loaded = load(_path(context, config))
    # httpx and cryptography cost the daemon 15 MiB that it never uses
    from agent import join as joining

    place = daemon.prepare(loaded)
    secret = _token(token, token_file)
    identity.store(place, joining.join(_api(api, loaded), loaded.node, secret, ca_fingerprint))
    print(f"{loaded.node} has joined; start the agent with `mainstay-agent run`")


@app.command()
def check(
    context: typer.Context,
    output: Annotated[Output, typer.Option("--output", "-o")] = Output.TABLE,
    config: ConfigPath = None,
) -> None:
    """Run every check once. Exit status 0 when all is well, 1 when not."""
    findings = asyncio.run(survey.once(load(_path(context, config))))
    if output is Output.JSON:
        print(msgspec.json.format(msgspec.json.encode(findings)).decode())
    else:
        print(survey.as_table(findings))
    raise typer.Exit(0 if survey.healthy(findings) else 1)


@app.command(hidden=True)
def helper(context: typer.Context, config: ConfigPath = None) -> None:
    """Answer one request of the agent's on standard input, as root: started by mainstay-helper.socket."""
    from agent.helper.serve import serve

    serve(_path(context, config))


@config_app.command("check")
def config_check(context: typer.Context, config: ConfigPath = None) -> None:
    """Read the configuration and say what is wrong with it."""
    path = _path(context, config)
    load(path)
    print(f"{path}: good")


@config_app.command("sample")
def config_sample(
    settings: Annotated[list[str] | None, typer.Option("--set", help="FIELD=VALUE to set; repeatable.")] = None,
) -> None:
    """Print a configuration with every field, its default and its meaning; node and address are this machine's."""
    # only this command needs it
    from service import sample

    here = socket.gethostname().lower()
    try:
        given = {"node": here.partition(".")[0], "address": here} | sample.read_given(settings or [], Config)
        text = sample.sample(Config, SAMPLE_TITLE, given, units())
    except sample.Wrong as error:
        raise Invalid(str(error)) from None
    parse(text, "--set")
    print(text, end="")


@config_app.command("show")
def config_show(context: typer.Context, config: ConfigPath = None) -> None:
    """Print the configuration as the agent takes it, defaults included, as JSON."""
    print(msgspec.json.format(msgspec.json.encode(load(_path(context, config)))).decode())


def _path(context: typer.Context, given: Path | None) -> Path:
    return given or context.find_object(Path) or DEFAULT_PATH


def _api(given: str | None, config: Config) -> str:
    api = given or config.api
    if api is None:
        raise Invalid("no --api given, and no api in the configuration; name the controller's HOST:PORT")
    return api


def _token(given: str | None, file: Path | None) -> str:
    if given:
        return given
    if file:
        try:
            return file.read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise Invalid(f"--token-file {file}: cannot be read: {error}") from None
    if from_environment := os.environ.get(TOKEN_VARIABLE):
        return from_environment
    raise Invalid(f"no token: give --token-file, --token, or {TOKEN_VARIABLE} in the environment")


if __name__ == "__main__":
    main()

"""``mainstay-agent``: the few commands a node needs."""

import asyncio
import logging
import os
import socket
import sys
from collections.abc import Coroutine, Iterable
from enum import StrEnum
from pathlib import Path
from typing import Annotated, TypeVar

import msgspec
import typer

from agent import daemon, identity, site, survey, survey_table
from agent.config import DEFAULT_PATH, Config, load, parse, units
from agent.errors import Invalid
from agent.faults import table

TOKEN_VARIABLE = "MAINSTAY_JOIN_TOKEN"  # noqa: S105 - a variable's name
SAMPLE_TITLE = """Mainstay's agent on this node. "#NAME = VALUE" shows a default; without the "#" it is set.
`mainstay-agent config check` says whether the file is right; the agent reads it when it starts."""

T = TypeVar("T")

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
    REASON = "reason"


@app.callback()
def default(context: typer.Context, config: ConfigPath = None) -> None:
    context.obj = config
    if context.invoked_subcommand is None:
        run(context, config)


@app.command()
def run(context: typer.Context, config: ConfigPath = None) -> None:
    """Sense, judge, report, and carry out orders, until SIGTERM. Shims and workers stay. SIGHUP: read the
    configuration anew."""
    daemon.run(_path(context, config))


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
    output: Annotated[
        Output, typer.Option("--output", "-o", help="reason: critical faults on one line.")
    ] = Output.TABLE,
    everything: Annotated[bool, typer.Option("--all", "-v", help="What is well, too.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing: the exit status tells.")] = False,
    within: Annotated[float, typer.Option(help="Seconds; what takes longer is unknown.", min=1)] = survey.WITHIN_S,
    config: ConfigPath = None,
) -> None:
    """Run every check once. Exit status 0: fit for work (a warning may stand). 1: a critical fault. 5: none, but
    something could not be told."""
    logging.disable()  # what a sensor's failure means is in the table
    loaded = load(_path(context, config))
    watched = sys.stderr.isatty() and not quiet
    found = asyncio.run(_with_patience(survey.once(loaded, within), within, watched))
    if found.unread and not quiet:
        print(f"without the faults that the agent was told of: {found.unread}", file=sys.stderr)
    for line in [] if quiet else _shown(loaded.node, found.judgements, output, everything):
        print(line)
    raise typer.Exit(survey.exit_status(found.judgements))


def _shown(node: str, judgements: list[survey.Judgement], output: Output, everything: bool) -> Iterable[str]:
    if output is Output.JSON:
        return [msgspec.json.format(msgspec.json.encode(judgements)).decode()]
    if output is Output.REASON:
        return filter(None, [survey.drain_reason(judgements)])
    paint = survey_table.Paint(survey_table.coloured(sys.stdout, os.environ))
    return survey_table.as_table(node, judgements, everything, paint, survey_table.width_of(sys.stdout))


async def _with_patience(work: Coroutine[None, None, T], within_s: float, watched: bool) -> T:
    """On a terminal says that it goes on, when it takes more than a second."""
    task, seconds = asyncio.ensure_future(work), 0
    while watched and not (await asyncio.wait({task}, timeout=1))[0]:
        seconds += 1
        print(f"\rlooking: {seconds} s of {within_s:g}", end="", file=sys.stderr, flush=True)
    if seconds:
        print("\r\x1b[K", end="", file=sys.stderr, flush=True)
    return await task


@app.command(hidden=True)
def helper(context: typer.Context, config: ConfigPath = None) -> None:
    """Answer one request of the agent's on standard input, as root: started by mainstay-helper.socket."""
    from agent.helper.serve import serve

    serve(_path(context, config))


@config_app.command("check")
def config_check(context: typer.Context, config: ConfigPath = None) -> None:
    """Read the configuration and say what is wrong with it."""
    path = _path(context, config)
    loaded = load(path)
    table.load(loaded)
    site.examine(loaded)
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

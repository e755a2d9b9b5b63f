"""The controller's own entry point: ``python -m controller.main``.

Exit status: 0 done, 1 failed, 2 bad usage or configuration, 3 not found, 4 refused.
"""

import asyncio
import contextlib
import logging
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from controller import config as configuration
from controller import daemon, trust
from controller.clock import SystemClock
from controller.config import Config
from controller.errors import Invalid, MainstayError, NotFound, Refused, Unauthorized
from controller.state import tokens
from controller.state.opening import explained
from controller.state.store import Store
from controller.state.tokens import IssuedToken, NewToken
from service import sample
from wire.api import TokenKind, TokenRequest
from wire.validation import describe

EXIT_STATUS: dict[type[MainstayError], int] = {Invalid: 2, NotFound: 3, Refused: 4, Unauthorized: 4}
SAMPLE_TITLE = """Mainstay's controller. "#NAME = VALUE" shows a default; without the "#" it is set.
`mainstay controller config check` says whether the file is right; the controller reads it when it starts."""
LOCAL = "mainstay:controller-machine"  # who made a token by this command

app = typer.Typer(
    name="mainstay controller", add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False
)
token_app = typer.Typer(no_args_is_help=True, help="Tokens, made on the controller's own machine.")
config_app = typer.Typer(no_args_is_help=True, help="The configuration file.")
app.add_typer(token_app, name="token")
app.add_typer(config_app, name="config")

ConfigFile = Annotated[Path, typer.Option("--config", help="The controller's configuration.")]


@app.callback()
def _controller() -> None:
    """Mainstay's controller: remembers, decides and orders."""


@app.command("run")
def run_controller(config: ConfigFile = configuration.DEFAULT_PATH) -> None:
    """Serve until SIGTERM; prints one line when everything listens."""
    loaded = configuration.load(config)
    _log_to_stderr()
    asyncio.run(daemon.run(loaded, lambda line: print(line, flush=True)))


@token_app.command("create")
def create_token(
    kind: Annotated[TokenKind, typer.Option(help="join: one node, once. api: an operator or submitter.")],
    name: Annotated[str, typer.Option(help="Whom it is for; with join the node's name.")],
    user: Annotated[str | None, typer.Option(help="The Unix user that jobs of an api token run as.")] = None,
    expires_s: Annotated[float | None, typer.Option(help="Seconds it lives; join: 600 unless told.")] = None,
    config: ConfigFile = configuration.DEFAULT_PATH,
) -> None:
    """Print a new token; it is shown this once."""
    loaded = configuration.load(config)
    issued = _create(loaded, _request(kind, name, user, expires_s))
    print(issued.secret)
    until = f"until {issued.expires_at:%Y-%m-%d %H:%M:%S} UTC" if issued.expires_at else "without end"
    print(f"valid {until}; authority {trust.authority_fingerprint(loaded.state)}", file=sys.stderr)


@config_app.command("check")
def check_config(config: ConfigFile = configuration.DEFAULT_PATH) -> None:
    """Say whether the file is right, and if not, which field is not."""
    configuration.load(config)
    print(f"{config}: ok")


@config_app.command("sample")
def sample_config(
    settings: Annotated[list[str] | None, typer.Option("--set", help="FIELD=VALUE to set; repeatable.")] = None,
) -> None:
    """Print a configuration with every field, its default and its meaning."""
    try:
        text = sample.sample(Config, SAMPLE_TITLE, sample.read_given(settings or [], Config))
    except sample.Wrong as error:
        raise Invalid(str(error)) from None
    configuration.parse(text.encode(), "--set")
    print(text, end="")


@config_app.command("show")
def show_config(config: ConfigFile = configuration.DEFAULT_PATH) -> None:
    """Print the configuration as the controller takes it, defaults included, as JSON; without the password."""
    loaded = configuration.load(config)
    shown = msgspec.structs.replace(loaded, database=loaded.database_shown)
    print(msgspec.json.format(msgspec.json.encode(shown)).decode())


@app.command("database")
def check_database(config: ConfigFile = configuration.DEFAULT_PATH) -> None:
    """Say whether the database can be used, and is of this version."""
    loaded = configuration.load(config)
    with _opened(loaded) as store:
        found, wanted = store.revisions()
    if found != wanted:
        shown = f"database: {loaded.database_shown} is at revision {found}, this version wants {wanted}"
        raise Refused(f"{shown}; restart the controller")
    print(f"{loaded.database_shown} is at revision {found}, as it should be")


@app.command("ca-fingerprint")
def show_ca_fingerprint(config: ConfigFile = configuration.DEFAULT_PATH) -> None:
    """Print what a joining agent compares the authority with."""
    print(trust.authority_fingerprint(configuration.load(config).state))


def main() -> None:
    try:
        app()
    except MainstayError as error:
        print(f"mainstay controller: {error}", file=sys.stderr)
        sys.exit(next((status for kind, status in EXIT_STATUS.items() if isinstance(error, kind)), 1))


def _request(kind: TokenKind, name: str, user: str | None, expires_s: float | None) -> NewToken:
    """The API's own rules hold here too."""
    asked = {"kind": kind.value, "name": name, "user": user, "expires_s": expires_s}
    try:
        request = msgspec.convert(asked, TokenRequest)
    except msgspec.ValidationError as error:
        raise Invalid(describe(error)) from None
    return NewToken(kind, name, user, None if request.expires_s is None else timedelta(seconds=request.expires_s))


def _create(config: Config, new: NewToken) -> IssuedToken:
    with _opened(config) as store:
        return store.transact(lambda session: tokens.create(session, new, LOCAL, SystemClock().utc()))


@contextlib.contextmanager
def _opened(config: Config) -> Iterator[Store]:
    """The database that a controller has made. Raises NotFound and DatabaseUnusable."""
    with explained(config.database_shown):
        store = Store(config.database_url)
    file = store.url.database if store.url.get_backend_name() == "sqlite" else None
    if file and not Path(file).exists():
        raise NotFound(f"database: {file} does not exist yet; start the controller once")
    with contextlib.closing(store), explained(config.database_shown):
        yield store


def _log_to_stderr() -> None:
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    for noisy in ("alembic", "apscheduler", "uvicorn"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


if __name__ == "__main__":
    main()

"""From the command's context to a connected client."""

import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import typer

from cli.client import TIMEOUT_S, Client
from cli.settings import Options, Settings, resolve


def settings(context: typer.Context) -> Settings:
    """Where to ask and with what; also while a command line is only being completed. Raises Invalid."""
    given = context.find_root().params
    options = Options(given.get("api"), given.get("token_file"), given.get("ca"))
    return resolve(options, os.environ, Path.home())


@contextmanager
def connected(context: typer.Context, timeout_s: float = TIMEOUT_S) -> Iterator[Client]:
    with closing(Client(settings(context), timeout_s)) as client:
        yield client

"""From the command's context to a connected client."""

import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import typer

from cli.client import Client
from cli.settings import Options, Settings, resolve


def settings(context: typer.Context) -> Settings:
    options = context.find_object(Options) or Options()
    return resolve(options, os.environ, Path.home())


@contextmanager
def connected(context: typer.Context) -> Iterator[Client]:
    with closing(Client(settings(context))) as client:
        yield client

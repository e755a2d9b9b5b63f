"""`mainstay controller`: hands over to the daemon's own entry point."""

import os
import sys

import typer


def controller(context: typer.Context) -> None:
    """The controller's daemon and its own commands."""
    os.execv(sys.executable, [sys.executable, "-m", "controller.main", *context.args])  # noqa: S606 - no shell is meant

"""Runs at the start of every Python of a worker, through sitecustomize. Does its work in a rank's main process only."""

import os
import sys
from types import TracebackType
from typing import Optional, Type

from mainstay import _worker


def run() -> None:
    """Registers the rank's process, lets its output out line by line, and notes the exception that ends it."""
    if _worker.claim():
        _flush_lines()
        _hook()


def _flush_lines() -> None:
    """Into a pipe, Python holds 8 KiB back: the lines that tell why would die with a killed rank."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(line_buffering=True)


def _hook() -> None:
    former = sys.excepthook
    owner = os.getpid()

    def excepthook(error_type: Type[BaseException], error: BaseException, traceback: Optional[TracebackType]) -> None:
        try:
            if os.getpid() == owner and isinstance(error, Exception):
                _note(error)
        except Exception:  # noqa: S110 - the traceback below matters more
            pass
        former(error_type, error, traceback)

    sys.excepthook = excepthook


def _note(error: Exception) -> None:
    from mainstay import _failure  # in a process that is ending, not in each one that starts

    directory = _worker.directory()
    if directory is not None:
        port = os.environ.get("MASTER_PORT", "")
        _failure.write(directory, _failure.record(error, _worker.rank(), _worker.local_rank(), port))

"""``PYTHON -I .../agent/diagnostics/__main__.py [NAME...]``: runs diagnostics, one after another, here and now.

Prints a line of JSON when each begins and when it has ended. The agent starts it in the site's own Python; so may a
person: without names everything that needs no peer is run.
"""

from __future__ import annotations

import argparse
import importlib
import json
import math
import os
import signal
import sys
import threading
import types
from collections.abc import Sequence
from pathlib import Path

MESSAGE_CHARACTERS = 300


def _be_found() -> None:
    """Make ``agent.diagnostics`` importable, and nothing else of what is installed beside it."""
    if "agent" not in sys.modules:
        package = types.ModuleType("agent")
        package.__path__ = [str(Path(__file__).resolve().parents[1])]
        sys.modules["agent"] = package


def main(arguments: Sequence[str]) -> int:
    from agent import diagnostics

    parser = _parser(diagnostics.names())
    given = parser.parse_args(arguments)
    if unknown := sorted(set(given.names) - set(diagnostics.names())):
        parser.error(f"no diagnostic {unknown[0]!r}; there are {', '.join(diagnostics.names())}")
    if given.tied:
        threading.Thread(target=_end_with_input, daemon=True).start()
    pair = diagnostics.Pair(given.peer, given.rank, given.address, given.port) if given.peer else None
    asked = diagnostics.Asked(given.directory, given.quick, pair)
    chosen = given.names or [name for name in diagnostics.names() if pair is not None or name != "all_reduce"]
    results = [_run(name, asked) for name in diagnostics.names() if name in chosen]
    return 0 if all(results) else 1


def _parser(known: Sequence[str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m agent.diagnostics", description="Run diagnostics now.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"any of {', '.join(known)}")
    parser.add_argument("--directory", default=".", help="where the disk is measured (%(default)s)")
    parser.add_argument("--quick", action="store_true", help="less of everything; no CPU work where there is no GPU")
    parser.add_argument("--peer", default="", help="the other node's name, for all_reduce")
    parser.add_argument("--rank", type=int, default=0, choices=(0, 1))
    parser.add_argument("--address", default="127.0.0.1", help="of rank 0")
    parser.add_argument("--port", type=int, default=29500, help="of rank 0")
    parser.add_argument("--tied", action="store_true", help="end when standard input does")
    return parser


def _run(name: str, asked: object) -> bool:
    """False when something is wrong."""
    from agent.diagnostics import Figure

    _say({"begun": name})
    figures = []
    try:
        for figure in importlib.import_module(f"agent.diagnostics.{name}").examine(asked):
            figures.append(figure)
    except Exception as error:  # the driver's, torch's, the file system's: whatever it is, it is the finding
        text = " ".join(f"{type(error).__name__}: {error}".split())
        figures.append(Figure(name, ok=False, message=text[:MESSAGE_CHARACTERS]))
    _say({"ended": name, "figures": [_plain(figure._asdict()) for figure in figures]})
    return all(figure.ok is not False for figure in figures)


def _plain(figure: dict[str, object]) -> dict[str, object]:
    """JSON knows no infinity."""
    value = figure["value"]
    return figure if value is None or math.isfinite(float(str(value))) else {**figure, "value": None}


def _say(line: object) -> None:
    print(json.dumps(line), flush=True)


def _end_with_input() -> None:
    """The agent's end of the pipe closes when the agent dies: nothing is left behind then."""
    while os.read(0, 4096):
        pass
    os.kill(0 if os.getpgrp() == os.getpid() else os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    _be_found()
    sys.exit(main(sys.argv[1:]))

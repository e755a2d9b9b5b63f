"""``mainstay-agent``: the daemon by the shortest way, or one of the commands."""

import sys
from collections.abc import Sequence
from pathlib import Path

from agent import daemon
from agent.config import DEFAULT_PATH
from agent.errors import AgentError


def main() -> None:
    try:
        if (path := to_run(sys.argv[1:])) is not None:
            daemon.run(path)
        else:
            # typer and pydantic cost the daemon 9 MiB that it never uses
            from agent.commands import app

            app()
    except AgentError as error:
        print(f"mainstay-agent: {error}", file=sys.stderr)
        sys.exit(error.exit_status)


def to_run(arguments: Sequence[str]) -> Path | None:
    """The configuration of a daemon, when it is asked for in the words of its unit: ``[run] [--config PATH]`` and no
    more. None: what is asked for is for :mod:`agent.commands` to tell, also what is wrong with it."""
    match list(arguments):
        case [] | ["run"]:
            return DEFAULT_PATH
        case ["--config", path] | ["run", "--config", path] | ["--config", path, "run"]:
            return Path(path) if path and not path.startswith("-") else None
    return None


if __name__ == "__main__":
    main()

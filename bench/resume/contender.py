"""What both contenders can do."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Protocol

import psutil

from bench.resume.faults import Blow


class Contender(Protocol):
    name: str

    def start(self) -> None:
        """Start the job on two nodes; it need not train yet. Raises DemoFailed or CliError."""

    def logs(self) -> Sequence[Path]:
        """The job's own log on each node, of each attempt where those are several; it need not be there yet."""

    def prey(self, blow: Blow) -> list[psutil.Process]:
        """Whom the blow hits, as things stand now."""

    def given_up(self) -> str | None:
        """Why the job will not train again, once that is certain."""

    def account(self, since: datetime) -> str:
        """Where the time since the fault went, in one line; empty when it does not know."""

    def stop(self) -> None:
        """End all of it."""


def of_rank(processes: Iterable[psutil.Process], rank: int) -> list[psutil.Process]:
    return [process for process in processes if _rank(process) == str(rank)]


def _rank(process: psutil.Process) -> str | None:
    try:
        return process.environ().get("RANK")
    except (psutil.Error, OSError):
        return None

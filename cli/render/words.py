"""Words and colours that every table shares."""

from collections.abc import Mapping
from datetime import datetime

from rich.table import Table
from rich.text import Text

from wire.api import AttemptPhase, Health, JobPhase, NodePhase, RunPhase, StepPhase
from wire.conditions import Severity, Status

GOOD, BUSY, WARN, BAD, DIM = "green", "cyan", "yellow", "red", "dim"
NONE = "-"

_UNITS = ((172_800, 86_400, "d"), (7_200, 3_600, "h"), (120, 60, "m"))  # from how many seconds on which is used
_STYLES: dict[str, str] = {
    NodePhase.READY: GOOD,
    NodePhase.RETIRED: DIM,
    Health.HEALTHY: GOOD,
    Health.DEGRADED: WARN,
    Health.UNHEALTHY: BAD,
    Health.UNKNOWN: WARN,
    Health.SUSPECT: WARN,
    Health.LOST: BAD,
    JobPhase.RUNNING: GOOD,
    JobPhase.RECOVERING: WARN,
    JobPhase.SUCCEEDED: GOOD,
    JobPhase.FAILED: BAD,
    JobPhase.CANCELLED: DIM,
    AttemptPhase.STOPPING: WARN,
    AttemptPhase.ENDED: DIM,
    RunPhase.WAITING: WARN,
    RunPhase.ABANDONED: WARN,
    StepPhase.DONE: GOOD,
    StepPhase.SKIPPED: DIM,
    Severity.CRITICAL: BAD,
    Severity.WARNING: WARN,
    Status.FALSE: GOOD,
    Status.TRUE: BAD,
    Status.UNKNOWN: WARN,
}


def phase(word: str) -> Text:
    """A phase, health or status in the colour of what it means; under way where no meaning is set."""
    return Text(word, style=_STYLES.get(word, BUSY))


def age(since: datetime | None, now: datetime) -> str:
    """How long ago: "12s", "3m", "5h", "2d"; "-" for never."""
    return NONE if since is None else duration((now - since).total_seconds())


def duration(seconds: float) -> str:
    whole = max(0, round(seconds))
    for least, size, unit in _UNITS:
        if whole >= least:
            return f"{whole // size}{unit}"
    return f"{whole}s"


def optional(value: object) -> str:
    return NONE if value is None or value == "" else str(value)


def number(value: float | None) -> str:
    return NONE if value is None else f"{value:.3f}"


def table(*columns: str) -> Table:
    """Columns without lines. Where the room is short the widest fold: no name is ever cut off."""
    made = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        made.add_column(column, overflow="fold", min_width=len(column))
    return made


def facts(rows: Mapping[str, str]) -> Table:
    """Names and values below one another."""
    made = Table.grid(padding=(0, 2))
    made.add_column(style=DIM, no_wrap=True)
    made.add_column(overflow="fold")
    for name, value in rows.items():
        made.add_row(name, value)
    return made

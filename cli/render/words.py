"""Words and colours that every table shares: the one place where a meaning gets its colour.

Only the eight colours every terminal has, and no white, no black, no bright one: readable on light and dark ground.
"""

from collections.abc import Mapping
from datetime import UTC, datetime

from rich.table import Table
from rich.text import Text

from wire.api import AttemptPhase, Health, JobPhase, Mode, NodePhase, OrderState, RunPhase, StepPhase
from wire.conditions import Severity, Status

GOOD, BUSY, WARN, BAD, DOUBT, DIM = "green", "cyan", "yellow", "red", "magenta", "dim"
NONE = "-"
MANY = 1_000

_UNITS = ((172_800, 86_400, "d"), (7_200, 3_600, "h"), (120, 60, "m"))  # from how many seconds on which is used
_STYLES: dict[str, str] = {
    NodePhase.READY: GOOD,
    NodePhase.DRAINING: WARN,
    NodePhase.DRAINED: WARN,
    NodePhase.RETIRED: DIM,
    Health.HEALTHY: GOOD,
    Health.DEGRADED: WARN,
    Health.UNHEALTHY: BAD,
    Health.UNKNOWN: DOUBT,
    Health.SUSPECT: DOUBT,
    Health.LOST: BAD,
    JobPhase.RUNNING: GOOD,
    JobPhase.RECOVERING: WARN,
    JobPhase.SUCCEEDED: GOOD,
    JobPhase.FAILED: BAD,
    JobPhase.CANCELLED: DIM,
    AttemptPhase.STOPPING: WARN,
    AttemptPhase.ENDED: DIM,
    OrderState.REFUSED: WARN,
    OrderState.EXPIRED: WARN,
    RunPhase.WAITING: WARN,
    RunPhase.ABANDONED: WARN,
    RunPhase.SHADOW: DIM,
    StepPhase.DONE: GOOD,
    StepPhase.SKIPPED: DIM,
    Severity.CRITICAL: BAD,
    Severity.WARNING: WARN,
    Status.FALSE: GOOD,
    Status.TRUE: BAD,
    Status.UNKNOWN: DOUBT,
}


def phase(word: str) -> Text:
    """A phase, health or status in the colour of what it means; under way where no meaning is set."""
    return Text(word, style=_STYLES.get(word, BUSY))


def mode(word: Mode) -> Text:
    """How far automation may go, in the colour of how far that is."""
    return Text(word, style={Mode.AUTO: GOOD, Mode.OFF: BAD}.get(word, WARN))


def age(since: datetime | None, now: datetime) -> str:
    """How long ago: "12s", "3m", "5h", "2d"; "-" for never."""
    return NONE if since is None else duration((now - since).total_seconds())


def clock(moment: datetime, now: datetime) -> str:
    """The time of day in UTC, as logs have it; with the date unless it is of the last 24 hours."""
    recent = abs((now - moment).total_seconds()) < 86_400
    return f"{moment.astimezone(UTC):{'%H:%M:%S' if recent else '%b %d %H:%M'}}"


def youngest(moment: datetime | None) -> float | None:
    """Orders ages as they are shown: the shortest first."""
    return None if moment is None else -moment.timestamp()


def duration(seconds: float) -> str:
    whole = max(0, round(seconds))
    for least, size, unit in _UNITS:
        if whole >= least:
            return f"{whole // size}{unit}"
    return f"{whole}s"


def optional(value: object) -> str:
    return NONE if value is None or value == "" else str(value)


def because(reason: str, message: str) -> str:
    """A reason and what is said about it, as far as there are any."""
    return ": ".join(word for word in (reason, message) if word)


def number(value: float | None) -> str:
    """A loss: three digits behind the point while they say something."""
    return NONE if value is None else f"{value:.3f}" if abs(value) < MANY else f"{value:.5g}"


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

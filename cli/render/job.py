"""Jobs."""

from collections.abc import Sequence
from datetime import datetime

from rich.console import Group, RenderableType
from rich.text import Text

from cli.render.fitting import Room
from cli.render.hostlist import names
from cli.render.listing import Column, listing
from cli.render.words import (
    BAD,
    NONE,
    age,
    because,
    duration,
    facts,
    number,
    optional,
    phase,
    youngest,
)
from wire.api import ENDED_JOB_PHASES, AttemptView, JobView

LOG_LINES = 20


def jobs(views: Sequence[JobView], now: datetime, wide: bool = False) -> RenderableType:
    if not views:
        return Text("no jobs; `mainstay job submit FILE` submits one")
    return listing(views, COLUMNS, now, wide)


def job(view: JobView, now: datetime, _wide: bool = False) -> RenderableType:
    head = Text.assemble((view.id, "bold"), "  ", phase(view.phase))
    why = because(view.reason, view.message)
    parts: list[RenderableType] = [head.append(f"  {why}" if why else ""), _facts(view, now)]
    if view.attempts:
        parts += [Text(), listing(view.attempts, ATTEMPTS, now)]
    if view.log_tail:
        lines = view.log_tail.rstrip().splitlines()[-LOG_LINES:]
        parts += [Text(), Text("last lines of the rank that failed first:", style=BAD), Text("\n".join(lines))]
    return Group(*parts)


def progress(view: JobView) -> str:
    """How far it is, in one line."""
    attempt = f", attempt {view.attempt}" if view.attempt else ""
    step = "" if view.step is None else f", step {view.step}"
    loss = "" if view.loss is None else f", loss {view.loss:.3f}"
    why = because(view.reason, view.message)
    return f"{view.id} is {view.phase}{attempt}{step}{loss}{f' ({why})' if why else ''}"


def _facts(view: JobView, now: datetime) -> RenderableType:
    rows = {"nodes": names(view.nodes)}
    if view.step is not None:
        rows["step"] = f"{view.step}" + ("" if view.loss is None else f", loss {view.loss:.3f}")
    if view.checkpoint is not None:
        published = view.checkpoint
        rows["checkpoint"] = (
            f"step {published.step} of attempt {published.attempt}, {age(published.published_at, now)} ago"
        )
        rows[""] = published.path
    if view.failures:
        limit = f" of {view.spec.restart.max_failures} allowed" if view.spec else ""
        rows["failures"] = f"{view.failures}{limit}, that began in the script"
    rows["submitted"] = f"{age(view.created_at, now)} ago by {view.submitted_by}, runs as {view.user}"
    if view.phase in ENDED_JOB_PHASES:
        rows["ended"] = f"{age(view.ended_at, now)} ago"
    return facts(rows)


def _steps(attempt: AttemptView) -> str:
    """Where it began and how far it came."""
    if attempt.last_step is None:
        return NONE
    return f"{attempt.resume_step or 0}→{attempt.last_step}"


def _checkpoint(view: JobView, now: datetime) -> str:
    return NONE if view.checkpoint is None else f"{view.checkpoint.step}, {age(view.checkpoint.published_at, now)} ago"


def _lasted(attempt: AttemptView, now: datetime) -> str:
    return duration(((attempt.ended_at or now) - attempt.created_at).total_seconds())


ATTEMPTS: tuple[Column[AttemptView], ...] = (
    Column("ATTEMPT", lambda attempt, _: str(attempt.number)),
    Column("PHASE", lambda attempt, _: phase(attempt.phase)),
    Column("STEPS", lambda attempt, _: _steps(attempt)),
    Column("LASTED", _lasted),
    Column("NODES", lambda attempt, _: names([part.node for part in attempt.parts]), room=Room.NAME),
    Column(
        "ENDED BECAUSE",
        lambda attempt, _: optional(because(attempt.end_reason, attempt.end_message)),
        room=Room.TEXT,
    ),
)
COLUMNS: tuple[Column[JobView], ...] = (
    Column("ID", lambda view, _: view.id, room=Room.NAME),
    Column("PHASE", lambda view, _: phase(view.phase)),
    Column("STEP", lambda view, _: optional(view.step), key=lambda view: view.step),
    Column("LOSS", lambda view, _: number(view.loss), key=lambda view: view.loss),
    Column("ATTEMPT", lambda view, _: str(view.attempt), key=lambda view: view.attempt),
    Column("AGE", lambda view, now: age(view.created_at, now), key=lambda view: youngest(view.created_at)),
    Column("NODES", lambda view, _: names(view.nodes), room=Room.NAME),
    Column("USER", lambda view, _: view.user, wide=True),
    Column("SUBMITTED BY", lambda view, _: view.submitted_by, wide=True),
    Column("FAILURES", lambda view, _: str(view.failures), wide=True, key=lambda view: view.failures),
    Column(
        "CHECKPOINT",
        _checkpoint,
        wide=True,
        key=lambda view: view.checkpoint.step if view.checkpoint else None,
    ),
    Column("ENDED", lambda view, now: age(view.ended_at, now), wide=True, key=lambda view: youngest(view.ended_at)),
    Column("REASON", lambda view, _: optional(view.reason), room=Room.NAME),
    Column("MESSAGE", lambda view, _: optional(view.message), wide=True, room=Room.PROSE),
)

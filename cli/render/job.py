"""Jobs."""

from collections.abc import Sequence
from datetime import datetime

from rich.console import Group, RenderableType
from rich.text import Text

from cli.render.words import BAD, DIM, NONE, age, duration, facts, number, optional, phase, table
from wire.api import ENDED_JOB_PHASES, AttemptView, JobView

LOG_LINES = 20


def jobs(views: Sequence[JobView], now: datetime) -> RenderableType:
    if not views:
        return Text("no jobs; `mainstay job submit FILE` submits one")
    made = table("ID", "PHASE", "STEP", "LOSS", "ATTEMPT", "AGE", "NODES", "REASON")
    for view in views:
        made.add_row(
            view.id,
            phase(view.phase),
            optional(view.step),
            number(view.loss),
            str(view.attempt),
            age(view.created_at, now),
            _nodes(view),
            view.reason or NONE,
        )
    return made


def job(view: JobView, now: datetime) -> RenderableType:
    head = Text.assemble((view.id, "bold"), "  ", phase(view.phase))
    why = ": ".join(word for word in (view.reason, view.message) if word)
    parts: list[RenderableType] = [head.append(f"  {why}" if why else ""), _facts(view, now)]
    if view.attempts:
        parts += [Text(), _attempts(view.attempts, now)]
    if view.log_tail:
        lines = view.log_tail.rstrip().splitlines()[-LOG_LINES:]
        parts += [Text(), Text("last lines of the rank that failed first:", style=BAD), Text("\n".join(lines))]
    return Group(*parts)


def _facts(view: JobView, now: datetime) -> RenderableType:
    rows = {"nodes": _nodes(view)}
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


def _attempts(attempts: Sequence[AttemptView], now: datetime) -> RenderableType:
    made = table("ATTEMPT", "PHASE", "STEPS", "LASTED", "NODES", "ENDED BECAUSE")
    for attempt in attempts:
        why = ": ".join(word for word in (attempt.end_reason, attempt.end_message) if word)
        made.add_row(
            str(attempt.number),
            phase(attempt.phase),
            _steps(attempt),
            duration(((attempt.ended_at or now) - attempt.created_at).total_seconds()),
            ", ".join(part.node for part in attempt.parts) or NONE,
            Text(why or NONE, style="" if why else DIM),
        )
    return made


def _steps(attempt: AttemptView) -> str:
    """Where it began and how far it came."""
    if attempt.last_step is None:
        return NONE
    return f"{attempt.resume_step or 0}→{attempt.last_step}"


def _nodes(view: JobView) -> str:
    return ", ".join(view.nodes) or NONE

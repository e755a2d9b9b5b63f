"""How far attempts have come. Steps ride on heartbeats; rows follow them at most once a second."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from controller.state.events import record
from controller.state.facts import Memory, Moment
from controller.state.models import Attempt
from controller.state.runs import close_incidents_of
from wire.api import AttemptPhase
from wire.attempts import PartStatus

MIN_INTERVAL_S = 1.0


def keep_progress(session: Session, moment: Moment, memory: Memory) -> None:
    """Bring the attempts under way up to what the live view says."""
    query = select(Attempt).where(Attempt.phase.in_([AttemptPhase.STARTING, AttemptPhase.RUNNING]))
    under_way = {(row.job, row.number): row for row in session.scalars(query).all()}
    for live in moment.nodes.values():
        for part in live.parts.values():
            attempt = under_way.get((part.status.job, part.status.attempt))
            if attempt is not None and _due(attempt, part.step, moment.mono, memory):
                reached(session, part.status, moment.utc)


def _due(attempt: Attempt, step: int | None, mono: float, memory: Memory) -> bool:
    if step is None or (attempt.last_step is not None and step <= attempt.last_step):
        return False
    return attempt.first_step is None or memory.due(mono, MIN_INTERVAL_S, "progress", attempt.job, attempt.number)


def reached(session: Session, status: PartStatus, now: datetime) -> None:
    """Record the steps of a part. Those of an attempt that has ended, or was never launched, don't count."""
    attempt = session.get(Attempt, (status.job, status.attempt))
    steps = [rank.step for rank in status.ranks if rank.step is not None]
    if attempt is None or not steps or attempt.phase in (AttemptPhase.PLACING, AttemptPhase.ENDED):
        return
    if attempt.first_step is None:
        firsts = [rank.first_step for rank in status.ranks if rank.first_step is not None]
        attempt.first_step, attempt.first_step_at = min(firsts or steps), now
        record(
            session,
            now,
            "first_step",
            message=f"step {attempt.first_step}",
            job=status.job,
            attempt=status.attempt,
            detail={"step": attempt.first_step},
        )
        close_incidents_of(session, f"job:{status.job}", now)  # whoever brought it back
    attempt.last_step = max([*steps, attempt.last_step or 0])

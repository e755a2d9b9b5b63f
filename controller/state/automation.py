"""The automation mode in SQL: who set it, when, and what it held back."""

from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from controller.state.events import record
from controller.state.models import Automation, Decision, Run
from remediations.pipeline.ruling import ASKS, RulingReason
from wire.api import AutomationView, Mode, RunPhase

MAKER_OF_FIRST_MODE = "mainstay:first-start"


def in_force(session: Session) -> Mode:
    row = newest(session)
    return Mode.SHADOW if row is None else Mode(row.mode)


def newest(session: Session) -> Automation | None:
    return session.scalars(select(Automation).order_by(Automation.id.desc()).limit(1)).first()


def ensure_first(session: Session, mode: Mode, now: datetime) -> None:
    """The mode of a new database; one that has a mode keeps it."""
    if newest(session) is None:
        session.add(Automation(mode=mode, set_by=MAKER_OF_FIRST_MODE, set_at=now))
        session.flush()


def set_mode(session: Session, mode: Mode, by: str, now: datetime) -> bool:
    """False when it is in force already: then nothing changes, and who set it stays."""
    before, row = in_force(session), newest(session)
    if row is not None and before is mode:
        return False
    session.add(Automation(mode=mode, set_by=by, set_at=now))
    record(session, now, "automation_set", reason=mode, message=f"{before} -> {mode} by {by}")
    session.flush()
    return True


def view(session: Session) -> AutomationView:
    row = newest(session)
    waiting = select(Run.id).where(Run.phase == RunPhase.WAITING, Run.reason.in_(ASKS)).order_by(Run.id)
    return AutomationView(
        mode=in_force(session),
        set_by=row.set_by if row else "",
        set_at=row.set_at if row else None,
        held_back=_held_back(session, row.set_at if row else None),
        waiting=list(session.scalars(waiting).all()),
    )


def _held_back(session: Session, since: datetime | None) -> dict[str, int]:
    query = select(Decision.action, func.count()).where(Decision.reason == RulingReason.AUTOMATION_SHADOW)
    if since is not None:
        query = query.where(Decision.at >= since)
    return {row[0]: row[1] for row in session.execute(query.group_by(Decision.action)).all()}

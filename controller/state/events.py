"""The journal: what happened, in order, for ever."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from controller.state.models import Event
from wire.api import EventView

ROUTINE = frozenset({"checkpoint_published"})  # so many that they would hide the rest


def record(
    session: Session,
    at: datetime,
    kind: str,
    *,
    reason: str = "",
    message: str = "",
    node: str | None = None,
    job: str | None = None,
    attempt: int | None = None,
    run: int | None = None,
    detail: dict[str, Any] | None = None,
) -> None:
    session.add(
        Event(
            at=at,
            kind=kind,
            reason=reason,
            message=message,
            node=node,
            job=job,
            attempt=attempt,
            run=run,
            detail=detail or {},
        )
    )


def events(
    session: Session,
    after: int = 0,
    limit: int = 500,
    node: str | None = None,
    job: str | None = None,
    kinds: Collection[str] = (),
    last: bool = False,
    routine: bool = True,
) -> list[EventView]:
    """The first, or ``last``, ``limit`` events after id ``after``, oldest first; without ``routine`` only news."""
    query = select(Event).where(Event.id > after).limit(limit)
    query = query.order_by(Event.id.desc() if last else Event.id)
    if not routine:
        query = query.where(Event.kind.not_in(ROUTINE))
    if kinds:
        query = query.where(Event.kind.in_(kinds))
    if node is not None:
        query = query.where(Event.node == node)
    if job is not None:
        query = query.where(Event.job == job)
    found = _views(session.scalars(query).all())
    return found[::-1] if last else found


def newest(session: Session, limit: int, **about: Any) -> list[EventView]:
    """The last ``limit`` events about something, oldest first; of a routine kind only the very last."""
    query = select(Event).filter_by(**about).order_by(Event.id.desc())
    news = session.scalars(query.where(Event.kind.not_in(ROUTINE)).limit(limit)).all()
    last = [session.scalars(query.where(Event.kind == kind).limit(1)).first() for kind in ROUTINE]
    return sorted(_views([*news, *filter(None, last)]), key=lambda event: event.id)


def _views(rows: Sequence[Event]) -> list[EventView]:
    return [
        EventView(
            row.id, row.at, row.kind, row.reason, row.message, row.node, row.job, row.attempt, row.run, row.detail
        )
        for row in rows
    ]

"""The journal: what happened, in order, for ever."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from controller.state.models import Event
from wire.api import EventView


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
    session: Session, after: int = 0, limit: int = 500, node: str | None = None, job: str | None = None
) -> list[EventView]:
    """The first ``limit`` events after id ``after``, oldest first."""
    query = select(Event).where(Event.id > after).order_by(Event.id).limit(limit)
    if node is not None:
        query = query.where(Event.node == node)
    if job is not None:
        query = query.where(Event.job == job)
    return _views(session.scalars(query).all())


def newest(session: Session, limit: int, **about: Any) -> list[EventView]:
    """The last ``limit`` events about something, oldest first."""
    query = select(Event).filter_by(**about).order_by(Event.id.desc()).limit(limit)
    return _views(session.scalars(query).all())[::-1]


def _views(rows: Sequence[Event]) -> list[EventView]:
    return [
        EventView(
            row.id, row.at, row.kind, row.reason, row.message, row.node, row.job, row.attempt, row.run, row.detail
        )
        for row in rows
    ]

"""What diagnostics measured, in SQL."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

import msgspec
from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session

from controller.facts import Link, Measured
from controller.state.events import record
from controller.state.models import Diagnostic, Incident, Node, Run
from remediations.finding import Finding, FindingKind
from wire.api import FigureView, RunPhase
from wire.diagnostics import Figure

FRESH = timedelta(seconds=15)
TOGETHER = "all_reduce"
_UNDER_WAY = (RunPhase.PROPOSED, RunPhase.WAITING, RunPhase.RUNNING)


def keep(session: Session, node: str, figures: Sequence[Figure], run: int | None, now: datetime) -> None:
    """All figures, and one event that tells them; none: nothing was measured."""
    if not figures:
        return
    for each in figures:
        session.add(
            Diagnostic(
                node=node,
                run=run,
                at=now,
                name=each.name,
                component=each.component,
                kind=each.kind,
                value=each.value,
                unit=each.unit,
                ok=each.ok,
                wrong=each.wrong,
                message=each.message,
            )
        )
    session.flush()
    bad = [f"{each.name}: {each.message}" for each in figures if each.ok is False]
    good = sum(each.ok is True for each in figures)
    message = f"diagnostics on {node}: {good} figures" + (f"; {'; '.join(bad)}" if bad else "")
    record(session, now, "diagnostics", reason="failed" if bad else "measured", message=message, node=node, run=run)


def newest(session: Session, now: datetime) -> tuple[Measured, ...]:
    """The newest figure of each node, name and component; nothing while none is fresh, so that a tick costs nothing."""
    if not session.scalar(select(exists().where(Diagnostic.at > now - FRESH))):
        return ()
    latest = select(func.max(Diagnostic.id)).group_by(Diagnostic.node, Diagnostic.name, Diagnostic.component)
    rows = session.scalars(select(Diagnostic).where(Diagnostic.id.in_(latest)).order_by(Diagnostic.id)).all()
    return tuple(_measured(row, now) for row in rows)


def _measured(row: Diagnostic, now: datetime) -> Measured:
    return Measured(
        row.node,
        row.name,
        row.component,
        row.kind,
        row.value,
        row.unit,
        row.ok,
        row.wrong,
        row.message,
        row.at,
        fresh=row.at > now - FRESH,
    )


def close_slow(session: Session, measured: Iterable[Measured], findings: Iterable[Finding], now: datetime) -> None:
    """A node that was slow, and whose fresh figures are like the others', is slow no longer."""
    slow = {finding.node for finding in findings if finding.kind is FindingKind.SLOW_NODE}
    subjects = [f"node:{node}" for node in {each.node for each in measured if each.fresh} - slow]
    query = select(Incident).where(
        Incident.finding == FindingKind.SLOW_NODE, Incident.closed_at.is_(None), Incident.subject.in_(subjects)
    )
    for incident in session.scalars(query).all() if subjects else ():
        incident.closed_at = now


def open_links(session: Session) -> list[Link]:
    """Links between nodes that were bad when last judged: their incidents are open."""
    query = select(Incident).where(Incident.finding == FindingKind.SLOW_LINK, Incident.closed_at.is_(None))
    rows = [(row, row.subject.split(":")) for row in session.scalars(query).all()]
    findings = {row.id: msgspec.convert(row.detail, Finding) for row, _ in rows}
    return [Link(one, other, True, row.reason, row.message, findings[row.id].at) for row, (_, one, other) in rows]


def of_node(session: Session, node: str, run: int | None = None) -> list[FigureView]:
    """The figures of one run, or else of the newest that measured the node."""
    query = select(Diagnostic).where(Diagnostic.node == node).order_by(Diagnostic.id)
    if run is None:
        last = select(func.max(Diagnostic.at)).where(Diagnostic.node == node).scalar_subquery()
        query = query.where(Diagnostic.at == last)
    else:
        query = query.where(Diagnostic.run == run)
    return [
        FigureView(
            row.name, row.component, row.value, row.unit, row.ok, row.kind, row.message, row.wrong, row.at, row.run
        )
        for row in session.scalars(query).all()
    ]


def last_asked(session: Session) -> dict[str, datetime]:
    """When each node's diagnostics were asked for last, whatever came of it."""
    query = select(Incident.subject, func.max(Incident.opened_at)).where(
        Incident.finding == FindingKind.DIAGNOSTICS_DUE
    )
    rows = session.execute(query.group_by(Incident.subject)).all()
    return {subject.removeprefix("node:"): at for subject, at in rows}


def joined(session: Session) -> dict[str, datetime]:
    return {row.name: row.joined_at for row in session.execute(select(Node.name, Node.joined_at))}


def met(session: Session, node: str) -> dict[str, datetime]:
    """When the node was last measured together with each peer."""
    query = select(Diagnostic.component, func.max(Diagnostic.at)).where(
        Diagnostic.node == node, Diagnostic.name == TOGETHER, Diagnostic.component != ""
    )
    return {row.component: row[1] for row in session.execute(query.group_by(Diagnostic.component))}


def under_way(session: Session) -> list[set[str]]:
    """The nodes of each run that measures, or waits to."""
    query = select(Incident.detail).join(Run, Run.incident == Incident.id)
    query = query.where(Incident.finding == FindingKind.DIAGNOSTICS_DUE, Run.phase.in_(_UNDER_WAY))
    return [
        {name for name in (detail.get("node"), detail.get("params", {}).get("peer")) if name}
        for detail in session.scalars(query).all()
    ]

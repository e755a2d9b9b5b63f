"""Nodes, their holds and conditions in SQL."""

from collections.abc import Iterable, Mapping
from datetime import datetime

import msgspec
from sqlalchemy import delete, or_, select, update
from sqlalchemy.orm import Session

from controller.state.events import record
from controller.state.live import LiveNode
from controller.state.models import Epoch, Hold, Node, NodeCondition, Part
from wire.api import Health, NodePhase
from wire.attempts import PartState
from wire.conditions import Condition, Severity, Status
from wire.events import FaultEvent
from wire.messages import Accelerator, Hello

PERSON = "person:"


def take_epoch(session: Session, instance: str, version: str, now: datetime) -> int:
    """A new epoch, higher than any before it."""
    epoch = Epoch(instance=instance, version=version, started_at=now)
    session.add(epoch)
    session.flush()
    return epoch.epoch


def greet(session: Session, hello: Hello, now: datetime) -> None:
    """Record what a node says of itself when it connects. One that joins for the first time is ready."""
    node = session.get_one(Node, hello.node)
    node.address, node.boot_id, node.instance = hello.address, hello.boot_id, hello.instance
    node.agent_version, node.cpus, node.memory_bytes = hello.agent_version, hello.cpus, hello.memory_bytes
    if hello.accelerators is not None:
        save_accelerators(session, hello.node, hello.accelerators)
    if node.phase == NodePhase.JOINING:
        set_phase(session, node, NodePhase.READY, now)
    save_conditions(session, hello.node, hello.conditions, now)


def save_accelerators(session: Session, node: str, found: Iterable[Accelerator]) -> None:
    """What work can be placed on there from now on; where work is already, it stays."""
    session.get_one(Node, node).accelerators = msgspec.to_builtins(list(found))


def accelerators_of(row: Node) -> list[Accelerator]:
    return msgspec.convert(row.accelerators, list[Accelerator])


def set_phase(session: Session, node: Node, phase: NodePhase, now: datetime) -> None:
    if node.phase == phase:
        return
    record(session, now, "node_phase", reason=phase, message=f"{node.phase} -> {phase}", node=node.name)
    node.phase, node.phase_since = phase, now


def faults(session: Session, node: str) -> dict[str, NodeCondition]:
    """The conditions that are TRUE there, by type."""
    query = select(NodeCondition).where(NodeCondition.node == node, NodeCondition.status == Status.TRUE)
    return {condition.type: condition for condition in session.scalars(query)}


def active_holds(session: Session, now: datetime, node: str | None = None) -> list[Hold]:
    query = select(Hold).where(Hold.lifted_at.is_(None), or_(Hold.expires_at.is_(None), Hold.expires_at > now))
    if node is not None:
        query = query.where(Hold.node == node)
    return list(session.scalars(query.order_by(Hold.id)).all())


def add_hold(
    session: Session, node: str, owner: str, reason: str, run: int | None, expires_at: datetime | None, now: datetime
) -> None:
    """One active hold per node and owner: asked again, its newest word about why and how long counts."""
    known = next((hold for hold in active_holds(session, now, node) if hold.owner == owner), None)
    if known is not None and (known.reason, known.expires_at) == (reason, expires_at):
        return
    if known is None:
        session.add(Hold(node=node, owner=owner, reason=reason, run=run, expires_at=expires_at, created_at=now))
    else:
        known.reason, known.run, known.expires_at = reason, run, expires_at
    session.flush()
    record(session, now, "hold_added", reason=owner, message=reason, node=node, run=run)


def lift_holds(session: Session, node: str, owner_prefix: str, by: str, now: datetime) -> int:
    lifted = [hold for hold in active_holds(session, now, node) if hold.owner.startswith(owner_prefix)]
    for hold in lifted:
        hold.lifted_at, hold.lifted_by = now, by
        record(session, now, "hold_lifted", reason=hold.owner, message=f"by {by}: {hold.reason}", node=node)
    session.flush()
    return len(lifted)


def mark_lost(session: Session, name: str, reason: str, now: datetime) -> None:
    session.execute(update(Node).where(Node.name == name).values(lost_at=now, lost_reason=reason))
    record(session, now, "node_contact", reason="lost", message=f"{name} counts as lost: {reason}", node=name)


def clear_loss(session: Session, name: str) -> None:
    session.execute(update(Node).where(Node.name == name).values(lost_at=None, lost_reason=""))


def lost_in_service(session: Session, now: datetime) -> list[str]:
    """Nodes marked as lost that are ready all the same, and not held by automation."""
    query = select(Node.name).where(Node.lost_at.is_not(None), Node.phase == NodePhase.READY).order_by(Node.name)
    held = {hold.node for hold in active_holds(session, now) if not hold.owner.startswith(PERSON)}
    return [name for name in session.scalars(query).all() if name not in held]


def settle_phases(session: Session, now: datetime) -> None:
    """A draining node on which nothing may run any more is drained."""
    for node in session.scalars(select(Node).where(Node.phase == NodePhase.DRAINING)).all():
        if not open_parts(session, node.name):
            set_phase(session, node, NodePhase.DRAINED, now)


def open_parts(session: Session, node: str) -> list[Part]:
    """Parts that may still run on the node."""
    return list(session.scalars(select(Part).where(Part.node == node, Part.proof == "")).all())


def save_conditions(session: Session, node: str, conditions: Iterable[Condition], now: datetime) -> None:
    """Keep the newest word of each condition; one whose generation is known is not news (law 3)."""
    for condition in conditions:
        known = session.get(NodeCondition, (node, condition.type))
        if known is not None and known.generation >= condition.generation:
            continue
        if known is None or known.status != condition.status or _other_fault(known, condition):
            _record_change(session, node, condition, now, known is None)
        session.merge(NodeCondition(node=node, **msgspec.structs.asdict(condition)))


def save_faults(session: Session, node: str, events: Iterable[FaultEvent], now: datetime) -> None:
    for event in events:
        what = f"{event.kind} {event.code}".strip()
        on = f" on {event.component}" if event.component else ""
        message = f"{what}{on}: {event.message}"
        detail = msgspec.to_builtins(event)
        record(session, now, "fault", reason=event.kind, message=message, node=node, detail=detail)


def _other_fault(known: NodeCondition, condition: Condition) -> bool:
    """It befell something else, or became worse: no change of status, and still what a person must hear of."""
    said = (known.severity, sorted(known.components))
    return condition.status is Status.TRUE and said != (condition.severity, sorted(condition.components))


def forget_conditions(session: Session, node: str) -> None:
    """A node with a new identity counts its generations afresh."""
    session.execute(delete(NodeCondition).where(NodeCondition.node == node))


def _record_change(session: Session, node: str, condition: Condition, now: datetime, first: bool) -> None:
    if first and condition.status is Status.FALSE:
        return
    message = f"{condition.type} is {condition.status}: {condition.message}"
    record(session, now, "condition", reason=condition.type, message=message, node=node)


def health(node: Node, live: LiveNode, suspect: bool, now: datetime) -> tuple[Health, str]:
    """Health and the condition or contact that decides it."""
    if node.phase == NodePhase.RETIRED:
        return Health.UNKNOWN, "retired"
    if not live.connected or suspect:
        if node.lost_at is not None:
            return Health.LOST, node.lost_reason
        return (Health.UNKNOWN, "not_heard_yet") if live.contact_at is None else (Health.SUSPECT, "no_contact")
    present = [c for c in live.conditions.values() if c.status is Status.TRUE and c.expires_at > now]
    for severity, worst in ((Severity.CRITICAL, Health.UNHEALTHY), (Severity.WARNING, Health.DEGRADED)):
        for condition in present:
            if condition.severity is severity:
                return worst, condition.type
    return Health.HEALTHY, ""


def leftovers(live: LiveNode, replaced: Mapping[tuple[str, int], bool]) -> list[tuple[str, int]]:
    """Parts that run on a node though their attempt is over (``replaced`` by job and attempt)."""
    running = [part.status for part in live.parts.values() if part.status.state is not PartState.ENDED]
    return [(s.job, s.attempt) for s in running if replaced.get((s.job, s.attempt), False)]

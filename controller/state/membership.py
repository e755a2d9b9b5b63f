"""Who belongs to the fleet: nodes that join, and nodes that leave it for good."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from controller.errors import Refused
from controller.jobs.proof import Proof
from controller.state import nodes, orders
from controller.state.events import record
from controller.state.models import Node
from remediations.pipeline import RulingReason
from wire.api import NodePhase
from wire.names import attempt_id


def fingerprints(session: Session) -> dict[str, str]:
    """Of each node, the one certificate that is served; empty for one that is retired."""
    return {row.name: row.fingerprint for row in session.scalars(select(Node)).all()}


def register(session: Session, name: str, fingerprint: str, address: str, now: datetime) -> None:
    """Bind a certificate to a node, new or known; an older certificate of the same name is served no more.

    Raises Refused where something may still run on the machine that had the name.
    """
    check_may_join(session, name)
    node = session.get(Node, name)
    if node is None:
        node = Node(
            name=name,
            phase=NodePhase.JOINING,
            phase_since=now,
            address=address,
            fingerprint=fingerprint,
            joined_at=now,
        )
        session.add(node)
    if node.phase == NodePhase.RETIRED:
        nodes.set_phase(session, node, NodePhase.JOINING, now)
        node.joined_at = now
    node.fingerprint, node.address, node.spool_seq = fingerprint, address, 0
    session.flush()
    nodes.forget_conditions(session, name)
    record(session, now, "node_joined", node=name, message=f"{name} joined with a new certificate")


def check_may_join(session: Session, name: str) -> None:
    """A new machine under an old name proves nothing about the old one. Raises Refused."""
    parts = nodes.open_parts(session, name)
    if parts:
        runs = ", ".join(attempt_id(part.job, part.attempt) for part in parts)
        mend = f"bring that machine back, or switch it off and say so: `mainstay node retire {name} --machine-is-off`"
        raise Refused(f"{name}: the machine of that name may still run {runs}; {mend}", RulingReason.NODE_BUSY)


def retire(session: Session, name: str, by: str, now: datetime) -> None:
    """The node leaves the fleet: its certificate is served no more, what it was still to do is withdrawn, and
    automation's holds and the mark of its loss go. A person's hold stays."""
    node = session.get_one(Node, name)
    nodes.set_phase(session, node, NodePhase.RETIRED, now)
    node.fingerprint = ""
    orders.abandon(session, name, now)
    nodes.lift_holds(session, name, "mainstay:", by, now)
    nodes.clear_loss(session, name)
    nodes.forget_conditions(session, name)


def vouch(session: Session, name: str, by: str, now: datetime) -> None:
    """By a person's word the machine is off: what may have run there has stopped (law 6 asks for proof)."""
    for part in nodes.open_parts(session, name):
        part.proof = Proof.PERSON_VOUCHED
        record(
            session,
            now,
            "part_proven",
            reason=Proof.PERSON_VOUCHED,
            message=f"{name}: {by} says that the machine is off",
            node=name,
            job=part.job,
            attempt=part.attempt,
            detail={"node": name},
        )
    session.flush()

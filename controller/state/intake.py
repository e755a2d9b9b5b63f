"""What agents said durably, applied in the order they said it."""

from datetime import datetime

import msgspec
from sqlalchemy.orm import Session

from controller.jobs.proof import proof_of_end
from controller.state import jobs, nodes, orders
from controller.state.events import record
from controller.state.models import Attempt, Node, Part
from controller.state.progress import reached
from wire.api import AttemptPhase
from wire.attempts import PartState, PartStatus, RankFailure
from wire.messages import ConditionChanges, Hello, PartChange, Spooled
from wire.names import attempt_id
from wire.orders import Outcome


def apply_hello(session: Session, hello: Hello, now: datetime) -> None:
    nodes.greet(session, hello, now)
    for part in hello.parts:
        apply_part(session, hello.node, part, now)


def apply_spooled(session: Session, node_name: str, spooled: Spooled, now: datetime) -> None:
    """Repeated messages are recognised by their number and change nothing."""
    node = session.get_one(Node, node_name)
    if spooled.seq <= node.spool_seq:
        return
    node.spool_seq = spooled.seq
    body = spooled.body
    if isinstance(body, ConditionChanges):
        nodes.save_conditions(session, node_name, body.conditions, now)
    elif isinstance(body, PartChange):
        apply_part(session, node_name, body.part, now)
    else:
        apply_outcome(session, node_name, body, now)


def apply_outcome(session: Session, node: str, outcome: Outcome, now: datetime) -> None:
    row = orders.close(session, outcome, now)
    if row is None or row.node != node:
        return
    message = f"{row.kind} on {node}: {outcome.status}" + (f" ({outcome.message})" if outcome.message else "")
    record(session, now, "outcome", reason=outcome.reason, message=message, node=node, detail={"key": outcome.key})
    if outcome.port is not None:
        _remember_port(session, outcome)
    if outcome.part is not None:
        apply_part(session, node, outcome.part, now)


def apply_part(session: Session, node: str, status: PartStatus, now: datetime) -> None:
    """Record a node's word about its part. Reports of parts it was never given are ignored."""
    part = session.get(Part, (status.job, status.attempt, node))
    if part is None:
        return
    jobs.publish(session, node, status, now)
    reached(session, status, now)
    if part.state == PartState.ENDED:
        return
    if status.rank_failure is not None and _told_more(part, status.rank_failure):
        part.rank_failure = msgspec.to_builtins(status.rank_failure)
        message = status.rank_failure.error or status.rank_failure.kind
        record(
            session,
            now,
            "rank_failed",
            reason=status.rank_failure.kind,
            message=message,
            node=node,
            job=status.job,
            attempt=status.attempt,
        )
    if part.state != status.state:
        part.state = status.state
        _record_state(session, node, status, now)
    if status.state is PartState.ENDED and status.exit is not None:
        part.exit = msgspec.to_builtins(status.exit)
        part.proof = part.proof or proof_of_end(status.exit.end)


def _told_more(part: Part, failure: RankFailure) -> bool:
    """A failure is first seen, and a moment later understood."""
    return part.rank_failure is None or part.rank_failure["kind"] != failure.kind


def _record_state(session: Session, node: str, status: PartStatus, now: datetime) -> None:
    reason = status.exit.end if status.exit is not None else status.state
    message = f"{attempt_id(status.job, status.attempt)} on {node}: {reason}"
    record(
        session,
        now,
        f"part_{status.state}",
        reason=reason,
        message=message,
        node=node,
        job=status.job,
        attempt=status.attempt,
    )


def _remember_port(session: Session, outcome: Outcome) -> None:
    """The key names the attempt: reserve_port:JOB.N:NODE."""
    job, _, number = outcome.key.split(":")[1].rpartition(".")
    attempt = session.get(Attempt, (job, int(number)))
    if attempt is not None and attempt.phase == AttemptPhase.PLACING:
        attempt.master_port = outcome.port

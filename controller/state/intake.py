"""What agents said durably, applied in the order they said it.

Each word in a savepoint of its own: one that can't be recorded is passed over and written down as such, for it would
be no better the next time, and everybody else's words wait behind it.
"""

import logging
from collections.abc import Callable
from datetime import datetime

import msgspec
from sqlalchemy import select
from sqlalchemy.orm import Session

from controller.jobs.proof import proof_of_end
from controller.state import jobs, nodes, orders
from controller.state.events import record
from controller.state.fit import MAX_SEQ, fit
from controller.state.models import Attempt, Node, Part
from controller.state.progress import reached
from controller.state.store import DATABASE_AWAY
from wire.api import AttemptPhase
from wire.attempts import FailureKind, PartState, PartStatus, RankFailure
from wire.messages import AcceleratorsChanged, ConditionChanges, Durable, FaultEvents, Hello, PartChange, Spooled
from wire.names import attempt_id
from wire.orders import Outcome

log = logging.getLogger(__name__)

UNDER_WAY = frozenset({PartState.STARTING, PartState.RUNNING, PartState.STOPPING})


def take(session: Session, node_name: str, fingerprint: str, message: Hello | Spooled, now: datetime) -> None:
    """Record a message. What was said under a certificate that is served no more does not count."""
    node = session.get(Node, node_name)
    if node is None or node.fingerprint != fingerprint:
        return
    if isinstance(message, Hello):
        _apply_hello(session, message, now)
    else:
        _apply_spooled(session, node, message, now)


def _apply_hello(session: Session, hello: Hello, now: datetime) -> None:
    _alone(session, hello.node, now, hello, lambda: nodes.greet(session, hello, now))
    for part in hello.parts:
        _apply_alone(session, hello.node, PartChange(part), now)
    _miss_parts(session, hello, now)


def _apply_spooled(session: Session, node: Node, spooled: Spooled, now: datetime) -> None:
    """Repeated messages are recognised by their number and change nothing."""
    if node.spool_seq < spooled.seq <= MAX_SEQ:
        node.spool_seq = spooled.seq
        _apply_alone(session, node.name, spooled.body, now)


def _apply_alone(session: Session, node: str, body: Durable, now: datetime) -> None:
    if isinstance(body, ConditionChanges):
        _alone(session, node, now, body, lambda: nodes.save_conditions(session, node, body.conditions, now))
    elif isinstance(body, FaultEvents):
        _alone(session, node, now, body, lambda: nodes.save_faults(session, node, body.events, now))
    elif isinstance(body, AcceleratorsChanged):
        _alone(session, node, now, body, lambda: nodes.save_accelerators(session, node, body.accelerators))
    elif isinstance(body, PartChange):
        _alone(session, node, now, body, lambda: _apply_part(session, node, body.part, now))
    else:
        _alone(session, node, now, body, lambda: _apply_outcome(session, node, body, now))


def _alone(session: Session, node: str, now: datetime, word: object, apply: Callable[[], None]) -> None:
    try:
        with session.begin_nested():
            apply()
    except DATABASE_AWAY:
        raise
    except Exception as error:
        log.exception("node %s: a message can't be recorded and is passed over", node)
        message = f"a {type(word).__name__} of {node} can't be recorded: {type(error).__name__}"
        record(session, now, "message_unfit", reason=type(error).__name__, message=message, node=node)


def _miss_parts(session: Session, hello: Hello, now: datetime) -> None:
    """A node names every part it has in its hello: one that ran there and is not named has failed."""
    named = {(part.job, part.attempt) for part in hello.parts}
    query = select(Part).where(Part.node == hello.node, Part.proof == "", Part.state.in_(UNDER_WAY))
    for part in session.scalars(query).all():
        if (part.job, part.attempt) not in named:
            message = f"{hello.node} knows nothing of it any more"
            _note_failure(session, part, RankFailure(FailureKind.UNKNOWN, now, message=message), now)


def _apply_outcome(session: Session, node: str, outcome: Outcome, now: datetime) -> None:
    row = orders.close(session, node, outcome, now)
    if row is None:
        return
    message = f"{row.kind} on {node}: {outcome.status}" + (f" ({outcome.message})" if outcome.message else "")
    record(session, now, "outcome", reason=outcome.reason, message=message, node=node, detail={"key": outcome.key})
    if outcome.port is not None:
        _remember_port(session, outcome)
    if outcome.part is not None:
        _apply_part(session, node, outcome.part, now)


def _apply_part(session: Session, node: str, said: PartStatus, now: datetime) -> None:
    """Record a node's word about its part. Reports of parts it was never given are ignored."""
    status = fit(said)
    part = None if status is None else session.get(Part, (status.job, status.attempt, node))
    if status is None or part is None:
        return
    jobs.publish(session, node, status, now)
    reached(session, status, now)
    ended_how_unknown = status.state is PartState.ENDED and status.exit is None
    if part.state == PartState.ENDED or ended_how_unknown:
        return
    if status.rank_failure is not None:
        _note_failure(session, part, status.rank_failure, now)
    if part.state != status.state:
        part.state = status.state
        _record_state(session, node, status, now)
    if status.state is PartState.ENDED and status.exit is not None:
        part.exit = msgspec.to_builtins(status.exit)
        part.proof = part.proof or proof_of_end(status.exit.end)


def _note_failure(session: Session, part: Part, failure: RankFailure, now: datetime) -> None:
    """A failure is first seen, and a moment later understood."""
    if part.rank_failure is not None and part.rank_failure["kind"] == failure.kind:
        return
    part.rank_failure = msgspec.to_builtins(failure)
    record(
        session,
        now,
        "rank_failed",
        reason=failure.kind,
        message=failure.error or failure.kind,
        node=part.node,
        job=part.job,
        attempt=part.attempt,
    )


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

"""One transaction of the controller: record what came in, detect, decide, and write what is to be done.

It reads rows and a snapshot of the live view, and returns what may leave once it is committed. A controller killed at
any moment has either done all of it or nothing, and begins again from the rows.
"""

from collections.abc import Mapping, Sequence

import msgspec
from sqlalchemy import update
from sqlalchemy.orm import Session

from controller.config import Limits, Timing
from controller.detect import detect
from controller.detect.contact import Assessment, Contact, assess
from controller.facts import Cluster
from controller.jobs.decide import next_moves
from controller.state import automation, diagnostics, intake, nodes, orders, runs
from controller.state.events import record
from controller.state.facts import Memory, Moment, offers, read_cluster, read_job
from controller.state.jobs import Mover, active_jobs
from controller.state.live import LiveNode
from controller.state.models import Attempt, Job
from controller.state.progress import keep_progress
from controller.state.runs import SqlLedger
from controller.state.world import SqlWorld
from remediations.engine import Engine
from wire.api import ENDED_JOB_PHASES, AttemptPhase, Mode, NodePhase
from wire.messages import Hello, Spooled
from wire.orders import Order

MOVES_AT_ONCE = 12  # more than any job can need in one transaction; keeps a mistake from looping


class Said(msgspec.Struct, frozen=True):
    """Something a node said that is to be recorded, and the certificate it was said under."""

    node: str
    message: Hello | Spooled
    fingerprint: str


class Result(msgspec.Struct):
    """What may leave once the transaction is committed."""

    orders: list[tuple[str, Order]] = []
    lost: list[str] = []  # nodes newly found lost: their connections are closed
    contacts: dict[str, Contact] = {}
    pending: set[str] = set()  # keys of orders without an outcome


class Rules(msgspec.Struct, frozen=True):
    engine: Engine
    timing: Timing
    limits: Limits
    epoch: int


def tick(
    session: Session,
    said: Sequence[Said],
    moment: Moment,
    memory: Memory,
    contacts: Mapping[str, Contact],
    sent: Mapping[str, int],
    rules: Rules,
) -> Result:
    """``contacts`` is the result of the tick before; ``sent`` the connection each order last left on."""
    for one in said:
        intake.take(session, one.node, one.fingerprint, one.message, moment.utc)
    session.flush()
    orders.expire_unsent(session, moment.utc)
    keep_progress(session, moment, memory)
    cluster = read_cluster(session, moment, memory)
    assessments = {
        name: assess(node, cluster, rules.timing)
        for name, node in cluster.nodes.items()
        if node.phase is not NodePhase.RETIRED
    }
    _record_contacts(session, contacts, assessments, moment)
    lost = _mark_lost(session, cluster, assessments, moment)
    if lost:
        moment = _without(moment, lost)
        cluster = read_cluster(session, moment, memory)
    world = SqlWorld(session, moment, cluster, rules.epoch, rules.timing, rules.limits)
    ledger = SqlLedger(session, rules.epoch, moment.utc)
    seen = msgspec.structs.replace(cluster, measured=diagnostics.newest(session, moment.utc))
    findings = detect(seen, rules.timing)
    diagnostics.close_slow(session, seen.measured, findings, moment.utc)
    for link in cluster.links:
        if not link.bad:
            runs.close_incidents_of(session, f"link:{link.one}:{link.other}", moment.utc)
    if rules.engine.advance(findings, ledger, world):
        session.flush()
        cluster = read_cluster(session, moment, memory)
    if _advance_jobs(session, cluster, moment, memory, rules):
        rules.engine.advance([], ledger, world)
    nodes.settle_phases(session, moment.utc)
    if automation.in_force(session) is not Mode.AUTO:
        _welcome_back(session, world, assessments)
    leaving = orders.due(session, moment.nodes, sent, rules.epoch, moment.utc)
    judged = {name: each.contact for name, each in assessments.items()}
    return Result(leaving, lost, judged, orders.pending_keys(session))


def _welcome_back(session: Session, world: SqlWorld, assessments: Mapping[str, Assessment]) -> None:
    """Below ``auto`` nobody puts a node back in service: one that was never taken out of it, is in contact again and
    runs nothing old counts as lost no longer."""
    for node in nodes.lost_in_service(session, world.now):
        if assessments[node].contact is Contact.IN_CONTACT and not world.leftovers(node):
            world.clear_loss(node)
            runs.close_incidents_of(session, f"node:{node}", world.now)
            world.record("node_in_service", reason="in_contact", message=f"{node} takes work again", node=node)


def _record_contacts(
    session: Session, before: Mapping[str, Contact], assessments: Mapping[str, Assessment], moment: Moment
) -> None:
    for name, assessment in assessments.items():
        contact = assessment.contact
        was = before.get(name)
        if contact is Contact.LOST or contact is was or (was is None and contact is Contact.SUSPECT):
            continue
        message = f"{name} is {contact.replace('_', ' ')}"
        record(
            session,
            moment.utc,
            "node_contact",
            reason=contact,
            message=message,
            node=name,
            detail={"because": assessment.reason},
        )


def _mark_lost(session: Session, cluster: Cluster, assessments: Mapping[str, Assessment], moment: Moment) -> list[str]:
    lost = [
        name
        for name, assessment in assessments.items()
        if assessment.contact is Contact.LOST and _newly_lost(cluster, name)
    ]
    for name in lost:
        nodes.mark_lost(session, name, assessments[name].reason, moment.utc)
        _note_in_attempts(session, cluster, name)
    session.flush()
    session.expire_all()
    return lost


def _newly_lost(cluster: Cluster, name: str) -> bool:
    """Lost for the first time, or lost again after it had come back without having been put in service yet.

    A node that is still joining was never there to be lost.
    """
    node = cluster.nodes[name]
    absent = node.phase in (NodePhase.JOINING, NodePhase.RETIRED)
    return not absent and (node.lost_at is None or node.connected)


def _note_in_attempts(session: Session, cluster: Cluster, name: str) -> None:
    for attempt in cluster.attempts:
        running = attempt.phase is not AttemptPhase.STOPPING
        if running and name in attempt.nodes and name not in attempt.lost_nodes:
            session.execute(
                update(Attempt)
                .where(Attempt.job == attempt.job, Attempt.number == attempt.number)
                .values(lost_nodes=[*attempt.lost_nodes, name])
            )


def _without(moment: Moment, lost: Sequence[str]) -> Moment:
    """The moment, with the connections of nodes found lost counted as closed."""
    gone: dict[str, LiveNode] = {
        name: msgspec.structs.replace(moment.nodes[name], session=None) for name in lost if name in moment.nodes
    }
    return msgspec.structs.replace(moment, nodes={**moment.nodes, **gone})


def _advance_jobs(session: Session, cluster: Cluster, moment: Moment, memory: Memory, rules: Rules) -> bool:
    """Move every job as far as it goes now; the facts are read again after each change."""
    moved = False
    for job in active_jobs(session):
        mover = Mover(session, job, rules.epoch, moment.utc, rules.timing)
        for _ in range(MOVES_AT_ONCE):
            if not _move(session, job, mover, cluster, moment, rules):
                break
            moved = True
            session.flush()
            cluster = read_cluster(session, moment, memory)
            if job.phase in ENDED_JOB_PHASES:
                break
    return moved


def _move(session: Session, job: Job, mover: Mover, cluster: Cluster, moment: Moment, rules: Rules) -> bool:
    free = offers(session, cluster, rules.timing)
    facts = read_job(session, job, cluster)
    moves = next_moves(facts, free, cluster.nodes, moment.mono, moment.utc, rules.timing)
    changed = [mover.carry_out(move) for move in moves]
    return any(changed)

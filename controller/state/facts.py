"""Rows and the live view, put together into what decisions are made from."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec
from sqlalchemy import select
from sqlalchemy.orm import Session

from controller.config import Timing
from controller.facts import AttemptFacts, Cluster, JobFacts, Link, NodeFacts, PartFacts
from controller.jobs.placement import NodeOffer
from controller.state.jobs import active_jobs, order_key, spec_of
from controller.state.live import LiveNode, LivePart, live_part
from controller.state.models import Attempt, Job, Node, OrderRow, Part
from controller.state.nodes import accelerators_of, active_holds, health
from wire.api import AttemptPhase, Health, JobPhase, NodePhase, OrderState
from wire.attempts import End, ExitRecord, PartState, RankFailure
from wire.orders import Outcome, OutcomeReason
from wire.specs import JobSpec

UNFIT = frozenset({Health.UNHEALTHY, Health.SUSPECT, Health.LOST, Health.UNKNOWN})


class Memory:
    """When this controller first saw something, by the monotonic clock."""

    def __init__(self) -> None:
        self._firsts: dict[tuple[object, ...], float] = {}

    def first(self, mono: float, *key: object) -> float:
        return self._firsts.setdefault(key, mono)

    def due(self, mono: float, interval_s: float, *key: object) -> bool:
        """True at most once per interval and key."""
        if mono - self._firsts.get(key, float("-inf")) < interval_s:
            return False
        self._firsts[key] = mono
        return True

    def forget_all_but(self, keep: set[tuple[str, int]]) -> None:
        """Forget attempts that have ended; keys begin with (what, job, attempt)."""
        self._firsts = {key: at for key, at in self._firsts.items() if key[1:3] in keep}


class Moment(msgspec.Struct, frozen=True):
    """What a transaction looks at besides its rows."""

    mono: float
    utc: datetime
    nodes: Mapping[str, LiveNode]
    never_heard_at: float  # the contact time of nodes not heard since the start
    links: tuple[Link, ...] = ()


def read_cluster(session: Session, moment: Moment, memory: Memory) -> Cluster:
    nodes = read_nodes(session, moment)
    jobs = {job.id: job for job in active_jobs(session)}
    query = select(Attempt).where(Attempt.phase != AttemptPhase.ENDED).order_by(Attempt.job, Attempt.number)
    attempts = [row for row in session.scalars(query).all() if row.job in jobs]
    facts = tuple(_attempt(session, row, jobs[row.job], moment, memory) for row in attempts)
    memory.forget_all_but({(row.job, row.number) for row in attempts})
    return Cluster(moment.mono, moment.utc, nodes, facts, links=moment.links)


def read_nodes(session: Session, moment: Moment) -> dict[str, NodeFacts]:
    held = {hold.node for hold in active_holds(session, moment.utc)}
    return {row.name: _node(row, row.name in held, moment) for row in session.scalars(select(Node)).all()}


def _node(row: Node, held: bool, moment: Moment) -> NodeFacts:
    live = moment.nodes.get(row.name, LiveNode())
    return NodeFacts(
        name=row.name,
        phase=NodePhase(row.phase),
        health=health(row, live, False, moment.utc)[0],
        connected=live.connected,
        contact_at=moment.never_heard_at if live.contact_at is None else live.contact_at,
        boot_id=row.boot_id,
        session=live.session_number,
        lost_at=row.lost_at,
        lost_reason=row.lost_reason,
        address=row.address,
        held=held or live.hold_file,
        hold_file=live.hold_file,
        accelerators=tuple(each.uuid for each in accelerators_of(row)),
        phase_since=row.phase_since,
    )


def _attempt(session: Session, row: Attempt, job: Job, moment: Moment, memory: Memory) -> AttemptFacts:
    spec = spec_of(job)
    rows = session.scalars(
        select(Part).where(Part.job == row.job, Part.attempt == row.number).order_by(Part.node_rank)
    ).all()
    lives = [live_part(moment.nodes, part.node, row.job, row.number) for part in rows]
    parts = tuple(_part(session, part, live) for part, live in zip(rows, lives, strict=True))
    failed = any(part.failed for part in parts)
    return AttemptFacts(
        job=row.job,
        number=row.number,
        phase=AttemptPhase(row.phase),
        job_phase=JobPhase(job.phase),
        gang=spec.gang,
        isolated=spec.checkpoint is not None,
        parts=parts,
        since=memory.first(moment.mono, "phase", row.job, row.number, row.phase),
        step_interval_s=max((live.step_interval_s for live in lives if live is not None), default=0.0),
        trouble_at=memory.first(moment.mono, "trouble", row.job, row.number) if failed else None,
        master_port=row.master_port,
        stated_reason=row.stated_reason,
        stated_message=row.stated_message,
        lost_nodes=tuple(row.lost_nodes),
    )


def _part(session: Session, row: Part, live: LivePart | None) -> PartFacts:
    refused, message = _refusal(session, row)
    return PartFacts(
        node=row.node,
        node_rank=row.node_rank,
        state=PartState(row.state) if row.state else None,
        proof=row.proof,
        exit=msgspec.convert(row.exit, ExitRecord) if row.exit else None,
        rank_failure=msgspec.convert(row.rank_failure, RankFailure) if row.rank_failure else None,
        step=live.step if live else None,
        stepped_at=live.stepped_at if live else None,
        alive_since=live.alive_since if live else None,
        stopped_s=live.stopped_s if live else 0.0,
        launch_refused=refused,
        launch_message=message,
    )


def _refusal(session: Session, part: Part) -> tuple[OutcomeReason | None, str]:
    """Why the part could not be launched, or its port not be reserved."""
    ran = part.state and (part.exit is None or part.exit["end"] != End.NEVER_STARTED)
    if ran:
        return None, ""
    for verb in ("reserve_port", "launch"):
        order = session.get(OrderRow, order_key(verb, part.job, part.attempt, part.node))
        if order is None:
            continue
        if order.state == OrderState.EXPIRED:
            return OutcomeReason.EXPIRED, f"the order to {verb} never reached {part.node}"
        if order.state in (OrderState.FAILED, OrderState.REFUSED) and order.outcome:
            outcome = msgspec.convert(order.outcome, Outcome)
            return outcome.reason, outcome.message
    return None, ""


def read_job(session: Session, job: Job, cluster: Cluster) -> JobFacts:
    attempt = next((a for a in cluster.attempts if a.job == job.id and a.number == job.attempt), None)
    row = session.get(Attempt, (job.id, job.attempt))
    return JobFacts(
        id=job.id,
        spec=msgspec.convert(job.spec, JobSpec),
        phase=JobPhase(job.phase),
        number=job.attempt,
        attempt=attempt,
        stop_asked=job.stop_decision is not None,
        failures=job.failures,
        fruitless=job.fruitless,
        not_before=job.not_before,
        last_nodes=tuple(_nodes_of(session, job)),
        last_end=row.end_reason if row else "",
        last_message=row.end_message if row else "",
    )


def _nodes_of(session: Session, job: Job) -> Sequence[str]:
    return session.scalars(select(Part.node).where(Part.job == job.id, Part.attempt == job.attempt)).all()


def offers(session: Session, cluster: Cluster, timing: Timing) -> list[NodeOffer]:
    """Nodes that may take work now: ready, held by nobody, in contact, fit, and free (one job at a time)."""
    busy = set(session.scalars(select(Part.node).where(Part.proof == "")).all())
    return [
        NodeOffer(node.name, node.address, node.boot_id, node.accelerators)
        for node in cluster.nodes.values()
        if node.phase is NodePhase.READY
        and not node.held
        and node.connected
        and node.lost_at is None
        and node.health not in UNFIT
        and node.name not in busy
        and cluster.mono - node.contact_at < timing.suspect_after_s
    ]

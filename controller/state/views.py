"""Rows and the live view as the API shows them."""

from collections import Counter
from collections.abc import Sequence

import msgspec
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from controller.detect.contact import Contact
from controller.errors import NotFound
from controller.state import diagnostics, jobs, nodes, orders, runs
from controller.state.facts import Moment
from controller.state.live import LiveNode, live_part
from controller.state.models import (
    Approval,
    Attempt,
    Checkpoint,
    Decision,
    Hold,
    Incident,
    Job,
    Node,
    NodeCondition,
    OrderRow,
    Part,
    Run,
    Step,
)
from controller.state.operations import find_job
from wire.api import (
    AcceleratorKind,
    ApprovalView,
    AttemptPhase,
    AttemptView,
    CheckpointView,
    DecisionView,
    HoldView,
    IncidentView,
    JobPhase,
    JobView,
    NodePhase,
    NodeView,
    OrderState,
    OrderView,
    PartView,
    RunPhase,
    RunView,
    StepPhase,
    StepView,
)
from wire.attempts import ExitRecord
from wire.conditions import Condition, Status
from wire.messages import Accelerator
from wire.names import attempt_id


class Seen(msgspec.Struct, frozen=True):
    """What views show besides rows: the moment, and how each node's contact was judged last."""

    moment: Moment
    contacts: dict[str, Contact]


# -- nodes


def node_views(session: Session, seen: Seen) -> list[NodeView]:
    return [_node(session, row, seen) for row in session.scalars(select(Node).order_by(Node.name)).all()]


def node_view(session: Session, name: str, seen: Seen) -> NodeView | None:
    row = session.get(Node, name)
    if row is None:
        return None
    rows = session.scalars(select(NodeCondition).where(NodeCondition.node == name).order_by(NodeCondition.type)).all()
    view = _node(session, row, seen)
    figures = diagnostics.of_node(session, name)
    return msgspec.structs.replace(view, conditions=[_condition(each) for each in rows], diagnostics=figures)


def _node(session: Session, row: Node, seen: Seen) -> NodeView:
    moment = seen.moment
    live = moment.nodes.get(row.name, LiveNode())
    suspect = seen.contacts.get(row.name) in (Contact.SUSPECT, Contact.LOST)
    health, reason = nodes.health(row, live, suspect, moment.utc)
    return NodeView(
        name=row.name,
        phase=NodePhase(row.phase),
        health=health,
        health_reason=reason,
        address=row.address,
        holds=[_hold(hold) for hold in nodes.active_holds(session, moment.utc, row.name)],
        jobs=[attempt_id(part.job, part.attempt) for part in nodes.open_parts(session, row.name)],
        accelerators=len(row.accelerators),
        accelerator_kinds=_kinds(nodes.accelerators_of(row)),
        cpus=row.cpus,
        memory_bytes=row.memory_bytes,
        agent_version=row.agent_version,
        last_contact_s=None if live.contact_at is None else round(moment.mono - live.contact_at, 3),
        boot_id=row.boot_id,
        joined_at=row.joined_at,
    )


def _kinds(accelerators: Sequence[Accelerator]) -> list[AcceleratorKind]:
    alike = Counter((each.kind, each.memory_bytes) for each in accelerators)
    return [AcceleratorKind(kind, memory_bytes, count) for (kind, memory_bytes), count in sorted(alike.items())]


def _hold(row: Hold) -> HoldView:
    return HoldView(row.id, row.owner, row.reason, row.created_at, row.expires_at, row.run)


def _condition(row: NodeCondition) -> Condition:
    fields = {field.name: getattr(row, field.name) for field in msgspec.structs.fields(Condition)}
    return msgspec.convert(fields, Condition)


def order_view(session: Session, key: str) -> OrderView | None:
    row = session.get(OrderRow, key)
    if row is None:
        return None
    outcome = orders.outcome(session, key)
    return OrderView(
        key=row.key,
        node=row.node,
        kind=row.kind,
        state=OrderState(row.state),
        reason=outcome.reason if outcome is not None else "",
        message=outcome.message if outcome is not None else "",
        asked_by=session.get_one(Decision, row.decision).actor,
        created_at=row.created_at,
        sent_at=row.sent_at,
        expires_at=row.expires_at,
        ended_at=row.ended_at,
    )


# -- jobs


def job_views(session: Session, seen: Seen) -> list[JobView]:
    rows = session.scalars(select(Job).order_by(Job.created_at, Job.id)).all()
    return [_job(session, row, seen) for row in rows]


def job_view(session: Session, ref: str, seen: Seen) -> JobView:
    job = find_job(session, ref)
    query = select(Attempt).where(Attempt.job == job.id).order_by(Attempt.number)
    attempts = [_attempt(session, row, seen) for row in session.scalars(query).all()]
    return msgspec.structs.replace(
        _job(session, job, seen),
        spec=jobs.spec_of(job),
        attempts=attempts,
        log_tail=_log_tail(attempts) if job.phase == JobPhase.FAILED else "",
    )


def _job(session: Session, job: Job, seen: Seen) -> JobView:
    parts = parts_of(session, job.id, job.attempt)
    attempt = session.get(Attempt, (job.id, job.attempt))
    lives = [live for part in parts if (live := live_part(seen.moment.nodes, part.node, job.id, job.attempt))]
    steps = [live.step for live in lives if live.step is not None]
    return JobView(
        id=job.id,
        name=job.name,
        phase=JobPhase(job.phase),
        reason=job.reason,
        message=job.message,
        nodes=[part.node for part in parts],
        attempt=job.attempt,
        step=max(steps, default=attempt.last_step if attempt else None),
        loss=next((live.loss for live in lives if live.loss is not None), None),
        failures=job.failures,
        submitted_by=job.submitted_by,
        user=job.user,
        created_at=job.created_at,
        ended_at=job.ended_at,
        checkpoint=_checkpoint(jobs.last_checkpoint(session, job.id)),
    )


def _checkpoint(row: Checkpoint | None) -> CheckpointView | None:
    return None if row is None else CheckpointView(row.step, row.attempt, row.path, row.published_at)


def parts_of(session: Session, job: str, attempt: int) -> Sequence[Part]:
    query = select(Part).where(Part.job == job, Part.attempt == attempt).order_by(Part.node_rank)
    return session.scalars(query).all()


def _attempt(session: Session, row: Attempt, seen: Seen) -> AttemptView:
    return AttemptView(
        number=row.number,
        phase=AttemptPhase(row.phase),
        parts=[_part(part, seen) for part in parts_of(session, row.job, row.number)],
        created_at=row.created_at,
        started_at=row.started_at,
        first_step_at=row.first_step_at,
        ended_at=row.ended_at,
        end_reason=row.end_reason,
        end_message=row.end_message,
        resume_step=row.resume_step,
        first_step=row.first_step,
        last_step=row.last_step,
        master_address=row.master_address,
        master_port=row.master_port,
    )


def _part(row: Part, seen: Seen) -> PartView:
    live = live_part(seen.moment.nodes, row.node, row.job, row.attempt)
    return PartView(
        node=row.node,
        node_rank=row.node_rank,
        state=row.state,
        step=live.step if live else None,
        loss=live.loss if live else None,
        exit=msgspec.convert(row.exit, ExitRecord) if row.exit else None,
        proof=row.proof,
    )


def _log_tail(attempts: list[AttemptView]) -> str:
    """The tail of the log of the node whose rank failed first, in the newest attempt that has one."""
    for attempt in reversed(attempts):
        exits = [part.exit for part in attempt.parts if part.exit is not None and part.exit.first_failure is not None]
        own = [each for each in exits if each.first_failure and each.first_failure.kind != "peer"]
        for each in sorted(own or exits, key=lambda each: each.ended_at):
            if each.log_tail:
                return each.log_tail
    return ""


def part_with_log(session: Session, ref: str, node: str | None, attempt: int | None) -> Part:
    """Whose log to read: by default rank 0's of the newest attempt."""
    job = find_job(session, ref)
    number = job.attempt if attempt is None else attempt
    for part in parts_of(session, job.id, number):
        if node is None or part.node == node:
            return part
    raise NotFound(f"attempt {number} of {job.id} has no part{f' on {node}' if node else ''}; see `job show {job.id}`")


# -- runs


def run_views(session: Session, limit: int = 200) -> list[RunView]:
    rows = session.scalars(select(Run).order_by(Run.id.desc()).limit(limit)).all()
    return [_run(session, row) for row in rows][::-1]


def run_view(session: Session, run: int) -> RunView | None:
    row = session.get(Run, run)
    if row is None:
        return None
    steps = [_step(session, step) for step in runs.steps_of(session, run)]
    return msgspec.structs.replace(_run(session, row), steps=steps)


def _run(session: Session, row: Run) -> RunView:
    incident = session.get(Incident, row.incident)
    return RunView(
        id=row.id,
        playbook=row.playbook,
        subject=row.subject,
        phase=RunPhase(row.phase),
        reason=row.reason,
        message=row.message,
        incident=row.incident,
        created_at=row.created_at,
        ended_at=row.ended_at,
        cause=incident.message if incident else "",
        approval=_approval(runs.newest_approval(session, row.id)),
    )


def _approval(row: Approval | None) -> ApprovalView | None:
    return None if row is None else ApprovalView(row.approved_by, row.approved_at, row.expires_at)


def _step(session: Session, row: Step) -> StepView:
    decision = session.get(Decision, row.decision) if row.decision else None
    return StepView(
        name=row.name,
        action=row.action,
        target=row.target,
        phase=StepPhase(row.phase),
        reason=row.reason,
        message=row.message,
        started_at=row.started_at,
        ended_at=row.ended_at,
        decision=decision_view(decision) if decision else None,
    )


def decision_view(row: Decision) -> DecisionView:
    return DecisionView(
        row.id, row.at, row.actor, row.action, row.target, row.verdict, row.stage, row.reason, row.message
    )


# -- the rest


def incident_views(session: Session, limit: int = 200) -> list[IncidentView]:
    rows = session.scalars(select(Incident).order_by(Incident.id.desc()).limit(limit)).all()
    return [_incident(row) for row in reversed(rows)]


def incident_view(session: Session, incident: int) -> IncidentView | None:
    row = session.get(Incident, incident)
    if row is None:
        return None
    its = session.scalars(select(Run).where(Run.incident == incident).order_by(Run.id)).all()
    return msgspec.structs.replace(_incident(row), detail=row.detail, runs=[_run(session, run) for run in its])


def _incident(row: Incident) -> IncidentView:
    return IncidentView(
        id=row.id,
        finding=row.finding,
        subject=row.subject,
        reason=row.reason,
        message=row.message,
        opened_at=row.opened_at,
        closed_at=row.closed_at,
        acked_by=row.acked_by,
        acked_at=row.acked_at,
        note=row.note,
    )


def counts(session: Session) -> tuple[int, int]:
    """Nodes that are not retired, and jobs that have not ended."""
    fleet = session.scalar(select(func.count()).select_from(Node).where(Node.phase != NodePhase.RETIRED)) or 0
    return fleet, len(jobs.active_jobs(session))


def faults_by_type(seen: Seen) -> dict[tuple[str, str], int]:
    """On how many nodes a condition is TRUE: (type, severity) -> count. What is past its expiry says nothing."""
    found = (condition for live in seen.moment.nodes.values() for condition in live.conditions.values())
    present = (each for each in found if each.status is Status.TRUE and each.expires_at > seen.moment.utc)
    return dict(Counter((each.type, each.severity.value) for each in present))


def decisions_by_reason(session: Session) -> dict[tuple[str, str, str], int]:
    """How often the pipeline ruled so: (action, verdict, reason) -> count."""
    query = select(Decision.action, Decision.verdict, Decision.reason, func.count()).group_by(
        Decision.action, Decision.verdict, Decision.reason
    )
    return {(action, verdict, reason): count for action, verdict, reason, count in session.execute(query).all()}

"""Incidents, runs and their steps in SQL: the engine's ledger."""

from collections.abc import Callable, Sequence
from datetime import datetime

import msgspec
from sqlalchemy import and_, exists, select, update
from sqlalchemy.orm import Session

from controller.errors import NotFound
from controller.state import automation
from controller.state.events import record
from controller.state.models import Approval, Incident, Run, Step
from controller.state.store import DATABASE_AWAY, changed_one
from remediations.finding import ROUTINE, Finding
from remediations.ledger import RunReason, RunRecord, StepPlan, StepRecord
from remediations.pipeline import RulingReason
from wire.api import Mode, RunPhase, StepPhase

PLAYBOOK_OFF = RulingReason.PLAYBOOK_OFF
ACTIVE = (RunPhase.PROPOSED, RunPhase.WAITING, RunPhase.RUNNING)
TO_DO = (StepPhase.PENDING, StepPhase.CLAIMED, StepPhase.RUNNING)


class SqlLedger:
    """:class:`remediations.ledger.Ledger` on one transaction."""

    def __init__(self, session: Session, epoch: int, now: datetime) -> None:
        self.session, self.epoch, self.now = session, epoch, now

    def open_incident(self, finding: Finding) -> int | None:
        known = self.session.scalar(select(Incident.id).where(Incident.key == finding.key))
        if known is not None:
            return known if self._held_back(known) else None
        incident = Incident(
            key=finding.key,
            finding=finding.kind,
            subject=finding.subject,
            reason=finding.reason,
            message=finding.message,
            detail=msgspec.to_builtins(finding),
            opened_at=self.now,
        )
        self.session.add(incident)
        self.session.flush()
        return incident.id

    def _held_back(self, incident: int) -> bool:
        """All that was done about it was to record, below a mode that has been raised since."""
        query = select(Run).where(Run.incident == incident).order_by(Run.id.desc()).limit(1)
        last = self.session.scalars(query).first()
        if last is None or last.phase != RunPhase.SHADOW or last.reason != RulingReason.AUTOMATION_SHADOW:
            return False
        return automation.in_force(self.session).rank > Mode.SHADOW.rank

    def create_run(self, playbook: str, incident: int, finding: Finding, plans: list[StepPlan]) -> int:
        run = Run(
            playbook=playbook,
            incident=incident,
            subject=finding.subject,
            phase=RunPhase.PROPOSED,
            epoch=self.epoch,
            created_at=self.now,
        )
        self.session.add(run)
        self.session.flush()
        self.session.add_all([_step_row(run.id, index, plan) for index, plan in enumerate(plans)])
        self.session.flush()
        message = f"{playbook} for {finding.subject}: {finding.message}"
        record(
            self.session,
            self.now,
            "run_proposed",
            reason=playbook,
            message=message,
            run=run.id,
            node=finding.node,
            job=finding.jobs[0].job if finding.jobs else None,
        )
        return run.id

    def active_runs(self) -> list[int]:
        return list(self.session.scalars(select(Run.id).where(Run.phase.in_(ACTIVE)).order_by(Run.id)).all())

    def isolated(self, work: Callable[[], None]) -> Exception | None:
        try:
            with self.session.begin_nested():
                work()
        except DATABASE_AWAY:
            raise
        except Exception as fault:
            return fault
        return None

    def fail_run(self, run: int, reason: RunReason, message: str) -> None:
        end_run(self.session, run, RunPhase.FAILED, reason, message, self.now)

    def claim(self, run: RunRecord, step: StepRecord, decision: int) -> bool:
        statement = (
            update(Step)
            .where(Step.run == run.id, Step.index == step.index, Step.phase == StepPhase.PENDING)
            .values(phase=StepPhase.CLAIMED, epoch=self.epoch, decision=decision, tries=Step.tries + 1)
        )
        return changed_one(self.session, statement)

    def save_step(self, run: RunRecord, step: StepRecord) -> None:
        row = self.session.get_one(Step, (run.id, step.index))
        if row.phase != step.phase and step.phase is not StepPhase.PENDING:
            message = f"{step.plan.spec.action} {_target(step.plan)}: {step.phase}"
            record(
                self.session,
                self.now,
                "step_phase",
                reason=step.reason,
                message=message,
                run=run.id,
                node=step.plan.node,
                job=step.plan.job,
                detail={"step": step.index, "phase": step.phase},
            )
        row.phase, row.decision, row.reason, row.message = step.phase, step.decision, step.reason, step.message
        row.started_at, row.ended_at = step.started_at, step.ended_at

    def save_run(self, run: RunRecord) -> None:
        row = self.session.get_one(Run, run.id)
        if row.phase != run.phase:
            message = f"{run.playbook} is {run.phase}" + (f": {run.message}" if run.message else "")
            record(
                self.session,
                self.now,
                "run_phase",
                reason=run.phase,
                message=message,
                run=run.id,
                node=run.finding.node,
            )
        row.phase, row.reason, row.message, row.ended_at = run.phase, run.reason, run.message, run.ended_at
        routine = run.finding.kind in ROUTINE
        over = run.phase is RunPhase.ABANDONED and run.reason != PLAYBOOK_OFF
        if run.phase is RunPhase.SUCCEEDED or over or (routine and run.phase is RunPhase.FAILED):
            self._close_incidents(row, and_earlier=run.phase is RunPhase.SUCCEEDED and not routine)

    def _close_incidents(self, run: Run, and_earlier: bool) -> None:
        """What went well ends what was wrong with the same subject before; what was given up only its own."""
        its = and_(Incident.id <= run.incident, Incident.subject == run.subject)
        which = its if and_earlier else Incident.id == run.incident
        for incident in self.session.scalars(select(Incident).where(which, Incident.closed_at.is_(None))).all():
            incident.closed_at = self.now

    def load(self, run: int) -> RunRecord:
        row = self.session.get_one(Run, run)
        incident = self.session.get_one(Incident, row.incident)
        return RunRecord(
            id=row.id,
            playbook=row.playbook,
            subject=row.subject,
            finding=msgspec.convert(incident.detail, Finding),
            phase=RunPhase(row.phase),
            steps=[_record_of(step) for step in steps_of(self.session, row.id)],
            reason=row.reason,
            message=row.message,
            created_at=row.created_at,
            ended_at=row.ended_at,
        )


def steps_of(session: Session, run: int) -> Sequence[Step]:
    return session.scalars(select(Step).where(Step.run == run).order_by(Step.index)).all()


def end_run(session: Session, run: int, phase: RunPhase, reason: str, message: str, now: datetime) -> None:
    """End it by its rows alone: what is left of it is not done. What has begun is not taken back."""
    row = session.get_one(Run, run)
    left = StepPhase.FAILED if phase is RunPhase.FAILED else StepPhase.SKIPPED
    for step in steps_of(session, run):
        if step.phase in TO_DO:
            step.phase, step.reason, step.message, step.ended_at = left, reason, message, now
            left = StepPhase.SKIPPED
    row.phase, row.reason, row.message, row.ended_at = phase, reason, message, now
    node, job = _about(row.subject)
    text = f"{row.playbook} is {phase}: {message}"
    detail = {"because": reason}
    record(session, now, "run_phase", reason=phase, message=text, run=run, node=node, job=job, detail=detail)
    session.flush()


def approve(session: Session, run: int, decision: int, by: str, expires_at: datetime, now: datetime) -> None:
    session.add(Approval(run=run, decision=decision, approved_by=by, approved_at=now, expires_at=expires_at))
    record(session, now, "run_approved", reason=by, message=f"until {expires_at:%Y-%m-%d %H:%M:%S} UTC", run=run)
    session.flush()


def newest_approval(session: Session, run: int) -> Approval | None:
    return session.scalars(select(Approval).where(Approval.run == run).order_by(Approval.id.desc()).limit(1)).first()


def approved_until(session: Session, run: int) -> datetime | None:
    approval = newest_approval(session, run)
    return approval.expires_at if approval else None


def close_incidents_of(session: Session, subject: str, now: datetime) -> None:
    """What was wrong with it is over."""
    query = select(Incident).where(Incident.subject == subject, Incident.closed_at.is_(None))
    for incident in session.scalars(query).all():
        incident.closed_at = now


def acknowledge(session: Session, incident: int, by: str, note: str, now: datetime) -> None:
    """A person has seen it; of two words the later counts. Raises NotFound."""
    row = session.get(Incident, incident)
    if row is None:
        raise NotFound(f"no incident {incident}; `mainstay incident list` shows those there are")
    row.acked_by, row.acked_at, row.note = by, now, note
    node, job = _about(row.subject)
    text = f"incident {incident}, {row.message}" + (f": {note}" if note else "")
    record(session, now, "incident_acked", reason=by, message=text, node=node, job=job, detail={"incident": incident})
    session.flush()


def _about(subject: str) -> tuple[str | None, str | None]:
    """The node, or the job."""
    kind, _, name = subject.partition(":")
    return (name if kind == "node" else None, name if kind == "job" else None)


def earlier_runs(session: Session, run: int) -> list[int]:
    """Runs of the same playbook that came before this one and still have a step to do on the same node.

    Steps about a job are each about another attempt: the pipeline looks at the attempt instead.
    """
    own = session.get_one(Run, run)
    on_the_node = exists().where(Step.run == Run.id, Step.target == own.subject, Step.phase.in_(TO_DO))
    query = select(Run.id).where(Run.playbook == own.playbook, Run.id < run, Run.phase.in_(ACTIVE), on_the_node)
    return list(session.scalars(query.order_by(Run.id)).all())


def _step_row(run: int, index: int, plan: StepPlan) -> Step:
    return Step(
        run=run,
        index=index,
        name=plan.spec.action,
        action=plan.spec.action,
        target=_target(plan),
        phase=StepPhase.PENDING,
        spec=msgspec.to_builtins(plan),
    )


def _record_of(row: Step) -> StepRecord:
    return StepRecord(
        index=row.index,
        plan=msgspec.convert(row.spec, StepPlan),
        phase=StepPhase(row.phase),
        decision=row.decision,
        reason=row.reason,
        message=row.message,
        started_at=row.started_at,
        ended_at=row.ended_at,
    )


def _target(plan: StepPlan) -> str:
    return f"job:{plan.job}.{plan.attempt}" if plan.job is not None else f"node:{plan.node}"

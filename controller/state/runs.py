"""Incidents, runs and their steps in SQL: the engine's ledger."""

from collections.abc import Sequence
from datetime import datetime

import msgspec
from sqlalchemy import and_, exists, select, update
from sqlalchemy.orm import Session

from controller.state.events import record
from controller.state.models import Incident, Run, Step
from controller.state.store import changed_one
from remediations.finding import Finding
from remediations.ledger import RunRecord, StepPlan, StepRecord
from remediations.pipeline import RulingReason
from wire.api import RunPhase, StepPhase

PLAYBOOK_OFF = RulingReason.PLAYBOOK_OFF
ACTIVE = (RunPhase.PROPOSED, RunPhase.WAITING, RunPhase.RUNNING)
TO_DO = (StepPhase.PENDING, StepPhase.CLAIMED, StepPhase.RUNNING)


class SqlLedger:
    """:class:`remediations.ledger.Ledger` on one transaction."""

    def __init__(self, session: Session, epoch: int, now: datetime) -> None:
        self.session, self.epoch, self.now = session, epoch, now

    def open_incident(self, finding: Finding) -> int | None:
        if self.session.scalar(select(Incident.id).where(Incident.key == finding.key)) is not None:
            return None
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

    def active_runs(self) -> list[RunRecord]:
        rows = self.session.scalars(select(Run).where(Run.phase.in_(ACTIVE)).order_by(Run.id)).all()
        return [self._load(row) for row in rows]

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
        if run.phase is RunPhase.SUCCEEDED or (run.phase is RunPhase.ABANDONED and run.reason != PLAYBOOK_OFF):
            self._close_incidents(row, and_earlier=run.phase is RunPhase.SUCCEEDED)

    def _close_incidents(self, run: Run, and_earlier: bool) -> None:
        """What went well ends what was wrong with the same subject before; what was given up only its own."""
        its = and_(Incident.id <= run.incident, Incident.subject == run.subject)
        which = its if and_earlier else Incident.id == run.incident
        for incident in self.session.scalars(select(Incident).where(which, Incident.closed_at.is_(None))).all():
            incident.closed_at = self.now

    def _load(self, row: Run) -> RunRecord:
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

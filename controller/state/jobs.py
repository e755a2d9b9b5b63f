"""Jobs, attempts and checkpoints in SQL; carries out the moves of :mod:`controller.jobs.decide`."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import singledispatchmethod

import msgspec
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from controller.config import Timing
from controller.jobs import decide
from controller.jobs.cause import can_be_fruitless, counts_against_script
from controller.jobs.decide import Move, restart_delay_s
from controller.jobs.placement import Assignment
from controller.jobs.proof import Proof
from controller.state import orders
from controller.state.events import record
from controller.state.models import Attempt, Checkpoint, Job, Part
from controller.state.runs import close_incidents_of
from controller.state.store import changed_one
from wire.api import ENDED_JOB_PHASES, AttemptPhase, JobPhase
from wire.attempts import PartStatus
from wire.names import attempt_id
from wire.orders import LaunchAttempt, ReservePort, StopAttempt
from wire.specs import JobSpec


def spec_of(job: Job) -> JobSpec:
    return msgspec.convert(job.spec, JobSpec)


def active_jobs(session: Session) -> Sequence[Job]:
    query = select(Job).where(Job.phase.not_in(list(ENDED_JOB_PHASES))).order_by(Job.created_at, Job.id)
    return session.scalars(query).all()


def submit(session: Session, spec: JobSpec, submitted_by: str, user: str, decision: int, now: datetime) -> str:
    count = session.scalar(select(func.count()).select_from(Job).where(Job.name == spec.name)) or 0
    job = Job(
        id=f"{spec.name}-{count + 1}",
        name=spec.name,
        spec=msgspec.to_builtins(spec),
        submitted_by=submitted_by,
        user=user,
        decision=decision,
        phase=JobPhase.PENDING,
        created_at=now,
    )
    session.add(job)
    session.flush()
    record(session, now, "job_phase", reason=JobPhase.PENDING, message=f"submitted by {submitted_by}", job=job.id)
    return job.id


def ask_to_stop(session: Session, job_id: str, decision: int) -> None:
    job = session.get_one(Job, job_id)
    job.stop_decision = job.stop_decision or decision


def recover(
    session: Session, job_id: str, number: int, reason: str, message: str, decision: int, now: datetime, grace_s: float
) -> bool:
    """Begin to stop an attempt so that the next can start; a conditional update, so that it happens once."""
    statement = (
        update(Attempt)
        .where(Attempt.job == job_id, Attempt.number == number)
        .where(Attempt.phase.in_([AttemptPhase.PLACING, AttemptPhase.STARTING, AttemptPhase.RUNNING]))
        .values(
            phase=AttemptPhase.STOPPING,
            stopping_at=now,
            stated_reason=reason,
            stated_message=message,
            grace_s=grace_s,
        )
    )
    if not changed_one(session, statement):
        return False
    job = session.get_one(Job, job_id)
    job.decision = decision
    set_phase(session, job, JobPhase.RECOVERING, reason, message, now)
    return True


def forget_loss(session: Session, node: str) -> None:
    """Attempts that go on although the node was lost have survived that: it explains nothing that comes later."""
    going_on = [AttemptPhase.PLACING, AttemptPhase.STARTING, AttemptPhase.RUNNING]
    for attempt in session.scalars(select(Attempt).where(Attempt.phase.in_(going_on))).all():
        if node in attempt.lost_nodes:
            attempt.lost_nodes = [name for name in attempt.lost_nodes if name != node]


def order_stop(
    session: Session, job: str, number: int, node: str, grace_s: float, decision: int, epoch: int, now: datetime
) -> None:
    """Have a node stop its part; a try that failed is made again."""
    key = orders.key_to_try(session, order_key("stop", job, number, node), now)
    orders.give(session, key, node, StopAttempt(job, number, grace_s), decision, epoch, now, None, None)


def set_phase(session: Session, job: Job, phase: JobPhase, reason: str, message: str, now: datetime) -> None:
    if job.phase != phase:
        text = message or f"{job.phase} -> {phase}"
        record(session, now, "job_phase", reason=phase, message=text, job=job.id, attempt=job.attempt or None)
    job.phase, job.reason, job.message = phase, reason, message


def last_checkpoint(session: Session, job_id: str) -> Checkpoint | None:
    """The published checkpoint with the highest step; of two with one step the later attempt's."""
    return session.scalars(
        select(Checkpoint)
        .where(Checkpoint.job == job_id, Checkpoint.refused == "")
        .order_by(Checkpoint.step.desc(), Checkpoint.attempt.desc())
        .limit(1)
    ).first()


def publish(session: Session, node: str, status: PartStatus, now: datetime) -> None:
    """Publish what an attempt has completed under its number; a superseded attempt's is refused (law 6)."""
    job = session.get(Job, status.job)
    if job is None or not status.checkpoints:
        return
    spec = spec_of(job)
    if spec.checkpoint is None:
        return
    known = set(
        session.scalars(
            select(Checkpoint.step).where(Checkpoint.job == job.id, Checkpoint.attempt == status.attempt)
        ).all()
    )
    for checkpoint in status.checkpoints:
        if checkpoint.step not in known and _lies_within(checkpoint.name):
            known.add(checkpoint.step)
            path = f"{attempt_directory(spec, job.id, status.attempt)}/{checkpoint.name}"
            _publish_one(session, job, node, status.attempt, checkpoint.step, path, now)


def _lies_within(name: str) -> bool:
    return not name.startswith("/") and ".." not in name.split("/")


def _publish_one(session: Session, job: Job, node: str, number: int, step: int, path: str, now: datetime) -> None:
    late = number != job.attempt or job.phase in ENDED_JOB_PHASES
    refused = "superseded" if late else ""
    session.add(Checkpoint(job=job.id, step=step, attempt=number, path=path, published_at=now, refused=refused))
    kind = "checkpoint_refused" if late else "checkpoint_published"
    message = f"step {step} of attempt {number}" + (f"; attempt {job.attempt} is the newest" if late else "")
    record(
        session,
        now,
        kind,
        reason=refused,
        message=message,
        node=node,
        job=job.id,
        attempt=number,
        detail={"step": step},
    )


def attempt_directory(spec: JobSpec, job: str, number: int) -> str:
    """The attempt's own checkpoint directory; empty where the job writes where it likes."""
    return "" if spec.checkpoint is None else f"{spec.checkpoint.dir.rstrip('/')}/{job}/attempt-{number}"


def order_key(verb: str, job: str, number: int, node: str) -> str:
    return f"{verb}:{attempt_id(job, number)}:{node}"


class Mover:
    """Carries out one job's moves in one transaction."""

    def __init__(self, session: Session, job: Job, epoch: int, now: datetime, timing: Timing) -> None:
        self.session, self.job, self.epoch, self.now, self.timing = session, job, epoch, now, timing
        self.spec = spec_of(job)

    @singledispatchmethod
    def carry_out(self, move: Move) -> bool:
        """True when the move changed something, so that the next may be due at once."""
        raise TypeError(f"no such move: {move!r}")

    @carry_out.register
    def _(self, move: decide.Wait) -> bool:
        self.job.reason, self.job.message = move.reason, move.message
        return False

    @carry_out.register
    def _(self, move: decide.CreateAttempt) -> bool:
        number = self.job.attempt = self.job.attempt + 1
        checkpoint = last_checkpoint(self.session, self.job.id)
        head = move.assignments[0]
        self.session.add(
            Attempt(
                job=self.job.id,
                number=number,
                phase=AttemptPhase.PLACING,
                decision=self.job.decision,
                created_at=self.now,
                master_address=head.address,
                resume_step=checkpoint.step if checkpoint else None,
                resume_from=checkpoint.path if checkpoint else "",
            )
        )
        self.session.flush()
        self.session.add_all([self._part(number, assignment) for assignment in move.assignments])
        self.session.flush()
        self._order(
            "reserve_port", head.node, ReservePort(self.job.id, number), self.timing.order_lives_s, head.boot_id
        )
        names = ", ".join(assignment.node for assignment in move.assignments)
        self._record("attempt_placed", names, {"nodes": [a.node for a in move.assignments]})
        phase = JobPhase.PLACING if number == 1 else JobPhase.RECOVERING
        set_phase(self.session, self.job, phase, "", f"attempt {number} on {names}", self.now)
        return True

    @carry_out.register
    def _(self, move: decide.Launch) -> bool:
        attempt = self._attempt()
        parts = self._parts()
        for part in parts:
            kind = self._launch(attempt, part, len(parts))
            self._order("launch", part.node, kind, self.timing.order_lives_s, part.boot_id)
        attempt.phase = AttemptPhase.STARTING
        self._record("attempt_starting", f"rendezvous at {attempt.master_address}:{attempt.master_port}")
        if self.job.attempt == 1:
            set_phase(self.session, self.job, JobPhase.STARTING, "", "", self.now)
        return True

    @carry_out.register
    def _(self, move: decide.BeginRunning) -> bool:
        attempt = self._attempt()
        attempt.phase, attempt.started_at = AttemptPhase.RUNNING, self.now
        self.job.not_before = None
        self._record("attempt_running", f"attempt {attempt.number} runs")
        set_phase(self.session, self.job, JobPhase.RUNNING, "", "", self.now)
        return True

    @carry_out.register
    def _(self, move: decide.BeginStopping) -> bool:
        attempt = self._attempt()
        attempt.phase, attempt.stopping_at, attempt.grace_s = AttemptPhase.STOPPING, self.now, move.grace_s
        attempt.stated_reason, attempt.stated_message = move.reason, move.message
        self._record("attempt_stopping", move.message, reason=move.reason)
        return True

    @carry_out.register
    def _(self, move: decide.StopParts) -> bool:
        attempt, withdrawn = self._attempt(), False
        for part in self._parts():
            if part.node not in move.nodes:
                continue
            key = order_key("launch", self.job.id, attempt.number, part.node)
            orders.withdraw(self.session, key, self.now)
            if orders.never_left(self.session, key):
                part.proof, withdrawn = Proof.NEVER_LAUNCHED, True
            else:
                self._order_stop(part.node, attempt)
        return withdrawn

    @carry_out.register
    def _(self, move: decide.Prove) -> bool:
        part = self.session.get_one(Part, (self.job.id, self.job.attempt, move.node))
        part.proof = move.proof
        self._record("part_proven", f"{move.node}: {move.proof}", {"node": move.node}, reason=move.proof)
        return True

    @carry_out.register
    def _(self, move: decide.EndAttempt) -> bool:
        attempt = self._attempt()
        attempt.phase, attempt.ended_at = AttemptPhase.ENDED, self.now
        attempt.end_reason, attempt.end_message = move.reason, move.message
        for part in self._parts():
            part.proof = part.proof or Proof.REPORTED_ENDED
        self._record("attempt_ended", move.message, reason=move.reason)
        self._count(attempt, move)
        return True

    @carry_out.register
    def _(self, move: decide.EndJob) -> bool:
        set_phase(self.session, self.job, move.phase, move.reason, move.message, self.now)
        self.job.ended_at = self.now
        close_incidents_of(self.session, f"job:{self.job.id}", self.now)
        return False

    def _count(self, attempt: Attempt, move: decide.EndAttempt) -> None:
        fruitful = attempt.last_step is not None and attempt.last_step > (attempt.resume_step or 0)
        lasted = attempt.started_at is not None and self.now - attempt.started_at > timedelta(minutes=10)
        if fruitful or lasted:
            self.job.fruitless = 0
        elif can_be_fruitless(move.reason):
            self.job.fruitless += 1
        if counts_against_script(move.reason):
            self.job.failures += 1
        if move.permanent:
            self.job.failures = self.spec.restart.max_failures + 1
        delay = restart_delay_s(self.job.fruitless)
        self.job.not_before = self.now + timedelta(seconds=delay) if delay else None

    def _attempt(self) -> Attempt:
        return self.session.get_one(Attempt, (self.job.id, self.job.attempt), populate_existing=False)

    def _parts(self) -> Sequence[Part]:
        query = select(Part).where(Part.job == self.job.id, Part.attempt == self.job.attempt)
        return self.session.scalars(query.order_by(Part.node_rank)).all()

    def _part(self, number: int, assignment: Assignment) -> Part:
        return Part(
            job=self.job.id,
            attempt=number,
            node=assignment.node,
            node_rank=assignment.node_rank,
            boot_id=assignment.boot_id,
            accelerators=list(assignment.accelerators),
            state="",
        )

    def _launch(self, attempt: Attempt, part: Part, nodes: int) -> LaunchAttempt:
        return LaunchAttempt(
            job=self.job.id,
            attempt=attempt.number,
            node_rank=part.node_rank,
            nodes=nodes,
            workers_per_node=self.spec.workers_per_node,
            launcher=self.spec.launcher,
            interpreter=self.spec.interpreter,
            script=self.spec.script,
            args=self.spec.args,
            directory=self.spec.directory,
            environment=dict(self.spec.environment),
            user=self.job.user,
            master_address=attempt.master_address,
            master_port=attempt.master_port or 0,
            accelerators=list(part.accelerators),
            limits=self.spec.limits,
            log=self.spec.log,
            checkpoint=self.spec.checkpoint,
            checkpoint_dir=attempt_directory(self.spec, self.job.id, attempt.number),
            resume_from=attempt.resume_from,
            resume_step=attempt.resume_step,
        )

    def _order_stop(self, node: str, attempt: Attempt) -> None:
        decision = self.job.stop_decision or self.job.decision
        order_stop(self.session, self.job.id, attempt.number, node, attempt.grace_s, decision, self.epoch, self.now)

    def _order(
        self,
        verb: str,
        node: str,
        kind: ReservePort | LaunchAttempt,
        lives_s: float,
        boot_id: str,
    ) -> None:
        key = order_key(verb, self.job.id, self.job.attempt, node)
        orders.give(self.session, key, node, kind, self.job.decision, self.epoch, self.now, lives_s, boot_id)

    def _record(self, kind: str, message: str, detail: dict[str, object] | None = None, reason: str = "") -> None:
        record(
            self.session,
            self.now,
            kind,
            reason=reason,
            message=message,
            job=self.job.id,
            attempt=self.job.attempt,
            detail=detail,
        )

"""Runs playbooks: one durable step after another, each through the pipeline.

Called again and again with one transaction; it never waits. A controller that dies resumes each run at its step,
because a step's phase, what its action wrote and the orders it gave were written together. Each run is moved in a
savepoint of its own: one that raises fails, by name, and holds up no other.
"""

import logging
from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import partial

from remediations.actions import ActionCall, UnknownAction, action, serves_relaunch
from remediations.actions.call import Verified
from remediations.finding import AffectedJob, Finding, FindingKind
from remediations.ledger import Ledger, RunReason, RunRecord, StepPlan, StepRecord
from remediations.pipeline import Proposal, Ruling, Verdict, decide
from remediations.pipeline.ruling import ASKS, SHADOWED
from remediations.playbook import Playbook, StepSpec, Target
from remediations.world import World
from wire.api import Mode, RunPhase, StepPhase

log = logging.getLogger(__name__)

SAID_OF_A_FAULT = 200  # characters
_FINISHED = frozenset({StepPhase.DONE, StepPhase.FAILED, StepPhase.SKIPPED})


class Engine:
    def __init__(self, playbooks: Sequence[Playbook]) -> None:
        self.playbooks = {playbook.name: playbook for playbook in playbooks}

    def advance(self, findings: Iterable[Finding], ledger: Ledger, world: World) -> bool:
        """Open runs for new findings, and move every run as far as it goes now. False when there was none."""
        for finding in findings:
            self.open(finding, ledger, world)
        runs = ledger.active_runs()
        for run in runs:
            fault = ledger.isolated(partial(self._advance_run, run, ledger, world))
            if fault is not None:
                _break(run, fault, ledger)
        return bool(runs)

    def open(self, finding: Finding, ledger: Ledger, world: World) -> None:
        """An incident and its runs, unless this occurrence is known."""
        incident = ledger.open_incident(finding)
        if incident is None:
            return
        world.record(
            finding.kind, reason=finding.reason, message=finding.message, node=finding.node, **_first_job(finding)
        )
        for playbook in self.playbooks.values():
            if playbook.when.finding is finding.kind:
                ledger.create_run(playbook.name, incident, finding, plan(playbook, finding))

    def _advance_run(self, number: int, ledger: Ledger, world: World) -> None:
        run = ledger.load(number)
        before = (run.phase, run.reason, run.message)
        while (step := _current(run)) is not None:
            if not self._advance_step(run, step, ledger, world):
                self._overtake(run, step, ledger, world)
                break
        else:
            _conclude(run, world)
        if (run.phase, run.reason, run.message) != before:
            ledger.save_run(run)

    def _overtake(self, run: RunRecord, asking: StepRecord, ledger: Ledger, world: World) -> None:
        """While a step waits for a person's approval, what gets jobs going again is not held up by it."""
        if asking.phase is not StepPhase.PENDING or asking.reason not in ASKS:
            return
        shown = run.phase, run.reason, run.message
        for step in run.steps[asking.index + 1 :]:
            due = step.phase not in _FINISHED and serves_relaunch(step.plan.spec.action)
            if due and not self._advance_step(run, step, ledger, world):
                break
        run.phase, run.reason, run.message = shown

    def _advance_step(self, run: RunRecord, step: StepRecord, ledger: Ledger, world: World) -> bool:
        """True when the step has finished and the next may begin."""
        if step.phase is StepPhase.PENDING and not self._begin(run, step, ledger, world):
            return step.phase in _FINISHED
        _verify(run, step, world)
        ledger.save_step(run, step)
        return step.phase in _FINISHED

    def _begin(self, run: RunRecord, step: StepRecord, ledger: Ledger, world: World) -> bool:
        proposal = self._propose(run, step)
        ruling = decide(proposal, world.situation(proposal))
        if ruling.verdict is Verdict.WAIT:
            self._wait(run, step, proposal, ruling, ledger, world)
            return False
        decision = step.decision = world.record_decision(proposal, ruling)
        if ruling.verdict is not Verdict.ALLOW:
            for skipped in _skip(run, step, ruling, world.now):
                ledger.save_step(run, skipped)
            return False
        if not ledger.claim(run, step, decision):
            return False
        step.started_at, step.reason, step.message = world.now, "", ""
        action(step.plan.spec.action).perform(world, _call(run, step))
        step.phase, run.phase, run.reason, run.message = StepPhase.RUNNING, RunPhase.RUNNING, "", ""
        return True

    def _wait(
        self, run: RunRecord, step: StepRecord, proposal: Proposal, ruling: Ruling, ledger: Ledger, world: World
    ) -> None:
        if step.reason != ruling.reason or run.phase is not RunPhase.WAITING:
            step.decision = world.record_decision(proposal, ruling)
            step.reason, step.message = ruling.reason, ruling.message
            ledger.save_step(run, step)
        run.phase, run.reason, run.message = RunPhase.WAITING, ruling.reason, ruling.message

    def _propose(self, run: RunRecord, step: StepRecord) -> Proposal:
        playbook = self.playbooks.get(run.playbook)
        return Proposal(
            actor=_actor(run),
            action=step.plan.spec.action,
            disturbs=action(step.plan.spec.action).DISTURBS,
            node=step.plan.node,
            job=step.plan.job,
            attempt=step.plan.attempt,
            run=run.id,
            about_loss=run.finding.kind is FindingKind.NODE_LOST,
            about_return=run.finding.kind is FindingKind.NODE_RETURNED,
            mode=playbook.mode if playbook is not None else Mode.OFF,
            serves_relaunch=serves_relaunch(step.plan.spec.action),
            during_job=bool(run.finding.asked_by) and bool(run.finding.params.get("during_job")),
        )


def plan(playbook: Playbook, finding: Finding) -> list[StepPlan]:
    """The playbook's steps aimed at what the finding names."""
    return [aimed for spec in playbook.steps for aimed in _aim(spec, finding)]


def _aim(spec: StepSpec, finding: Finding) -> list[StepPlan]:
    if spec.target is Target.NODE:
        return [StepPlan(spec, finding.node, None, None)]
    return [StepPlan(spec, finding.node, job.job, job.attempt) for job in finding.jobs]


def _current(run: RunRecord) -> StepRecord | None:
    if any(step.phase is StepPhase.FAILED for step in run.steps):
        return None
    return next((step for step in run.steps if step.phase not in _FINISHED), None)


def _skip(run: RunRecord, refused: StepRecord, ruling: Ruling, now: datetime) -> list[StepRecord]:
    """A refused step about a job is passed over; one about the node takes those after it along."""
    alone = refused.plan.job is not None or ruling.verdict is Verdict.SHADOW
    skipped = [refused] if alone else [step for step in run.steps if step.phase is StepPhase.PENDING]
    for step in skipped:
        step.phase, step.reason, step.message, step.ended_at = StepPhase.SKIPPED, ruling.reason, ruling.message, now
    return skipped


def _verify(run: RunRecord, step: StepRecord, world: World) -> None:
    verification = action(step.plan.spec.action).verify(world, _call(run, step))
    step.reason, step.message = verification.reason, verification.message
    if verification.result is Verified.DONE:
        step.phase = StepPhase.DONE
    elif verification.result is Verified.FAILED:
        step.phase = StepPhase.FAILED
    elif _overdue(step, world.now):
        step.phase, step.message = StepPhase.FAILED, f"not done in {step.plan.spec.timeout_s:g} s: {step.message}"
        step.reason = RunReason.TIMEOUT
    if step.phase in _FINISHED:
        step.ended_at = world.now


def _overdue(step: StepRecord, now: datetime) -> bool:
    return step.started_at is not None and (now - step.started_at).total_seconds() > step.plan.spec.timeout_s


def _conclude(run: RunRecord, world: World) -> None:
    run.phase, run.reason, run.message = _conclusion(run)
    run.ended_at = world.now


def _conclusion(run: RunRecord) -> tuple[RunPhase, str, str]:
    failed = next((step for step in run.steps if step.phase is StepPhase.FAILED), None)
    if failed is not None:
        return RunPhase.FAILED, failed.reason, failed.message
    last = run.steps[-1] if run.steps else None
    if last is None or last.phase is StepPhase.DONE:
        return RunPhase.SUCCEEDED, *_only_recorded(run)
    if last.plan.job is not None and any(step.phase is StepPhase.DONE for step in run.steps):
        return RunPhase.SUCCEEDED, last.reason, last.message
    phase = RunPhase.SHADOW if last.reason in SHADOWED else RunPhase.ABANDONED
    return phase, last.reason, last.message


def _only_recorded(run: RunRecord) -> tuple[str, str]:
    """Reason and message of a run that did what it could below a mode: what was recorded and not done."""
    held_back = [step for step in run.steps if step.phase is StepPhase.SKIPPED and step.reason in SHADOWED]
    if not held_back:
        return "", ""
    return held_back[0].reason, f"only recorded: {', '.join(step.plan.spec.action for step in held_back)}"


def _call(run: RunRecord, step: StepRecord) -> ActionCall:
    return ActionCall(
        owner=_actor(run),
        decision=step.decision or 0,
        reason=run.finding.reason,
        message=run.finding.message,
        run=run.id,
        index=step.index,
        node=step.plan.node,
        job=step.plan.job,
        attempt=step.plan.attempt,
        params=step.plan.spec.params | run.finding.params,
    )


def _actor(run: RunRecord) -> str:
    return run.finding.asked_by or f"mainstay:{run.playbook}"


def _break(run: int, fault: Exception, ledger: Ledger) -> None:
    """What can't be moved would be no better the next time."""
    log.error("run %d raised and has failed", run, exc_info=fault)
    if isinstance(fault, UnknownAction):
        ledger.fail_run(run, RunReason.ACTION_UNKNOWN, str(fault))
    else:
        said = str(fault).partition("\n")[0][:SAID_OF_A_FAULT]  # a database's errors go on with the statement
        message = f"{type(fault).__name__}: {said}; the controller's log says more"
        ledger.fail_run(run, RunReason.INTERNAL_ERROR, message)


def _first_job(finding: Finding) -> dict[str, str | int]:
    first: AffectedJob | None = finding.jobs[0] if finding.jobs else None
    return {} if first is None else {"job": first.job, "attempt": first.attempt}

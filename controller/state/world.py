"""What actions may see and do, on one transaction (:class:`remediations.world.World`)."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from controller.config import Limits, Timing
from controller.facts import Cluster
from controller.jobs.proof import unprovable
from controller.state import automation, diagnostics, events, jobs, membership, nodes, orders, runs
from controller.state.facts import Moment
from controller.state.models import Attempt, Decision, Job, Node
from remediations.finding import AffectedJob
from remediations.pipeline import Proposal, Ruling, Situation
from remediations.pipeline.situation import JobSituation, NodeSituation
from remediations.world import JobProgress
from wire.api import AttemptPhase, JobPhase, NodePhase
from wire.diagnostics import Figure
from wire.names import attempt_id
from wire.orders import OrderKind, Outcome
from wire.specs import JobSpec


class SqlWorld:
    """``cluster`` is what the transaction began with; what changes in it is read from the rows."""

    def __init__(
        self, session: Session, moment: Moment, cluster: Cluster, epoch: int, timing: Timing, limits: Limits
    ) -> None:
        self.session, self.moment, self.cluster, self.epoch = session, moment, cluster, epoch
        self.timing, self.limits = timing, limits
        self.now: datetime = moment.utc

    # -- the pipeline

    def situation(self, proposal: Proposal) -> Situation:
        in_service, lost = self._fleet()
        return Situation(
            now=self.now,
            node=self._node_situation(proposal.node) if proposal.node else None,
            job=self._job_situation(proposal.job) if proposal.job else None,
            in_service=in_service,
            lost_at_once=lost,
            breaker_share=self.limits.breaker_share,
            breaker_min_nodes=self.limits.breaker_min_nodes,
            earlier_runs=runs.earlier_runs(self.session, proposal.run) if proposal.run else [],
            ceiling=automation.in_force(self.session),
            approved_until=runs.approved_until(self.session, proposal.run) if proposal.run else None,
        )

    def record_decision(self, proposal: Proposal, ruling: Ruling) -> int:
        decision = Decision(
            at=self.now,
            actor=proposal.actor,
            action=proposal.action,
            target=proposal.target,
            verdict=ruling.verdict,
            stage=ruling.stage,
            reason=ruling.reason,
            message=ruling.message,
        )
        self.session.add(decision)
        self.session.flush()
        self.record(
            "decision",
            reason=ruling.reason,
            message=f"{proposal.actor} {proposal.action} {proposal.target}: {ruling.verdict}",
            node=proposal.node,
            job=proposal.job,
            attempt=proposal.attempt,
            run=proposal.run,
            detail={"decision": decision.id, "verdict": ruling.verdict, "action": proposal.action},
        )
        return decision.id

    def record(self, kind: str, *, reason: str = "", message: str = "", **about: Any) -> None:
        events.record(self.session, self.now, kind, reason=reason, message=message, **about)

    def _fleet(self) -> tuple[int, int]:
        """Nodes in service, and of those that are away the most that were lost within one window."""
        out = (NodePhase.JOINING, NodePhase.RETIRED)
        in_service = [node for node in self.cluster.nodes.values() if node.phase not in out]
        losses = [node.lost_at for node in in_service if node.lost_at is not None and not node.connected]
        window = timedelta(seconds=self.limits.breaker_window_s)
        return len(in_service), max((sum(at <= other <= at + window for other in losses) for at in losses), default=0)

    def _node_situation(self, name: str) -> NodeSituation:
        facts = self.cluster.nodes[name]
        row = self.session.get_one(Node, name)
        holds = nodes.active_holds(self.session, self.now, name)
        return NodeSituation(
            connected=facts.connected,
            lost=row.lost_at is not None,
            held_by_automation=any(not hold.owner.startswith(nodes.PERSON) for hold in holds),
            person_holds=[hold.reason for hold in holds if hold.owner.startswith(nodes.PERSON)],
            hold_file=facts.hold_file,
            retired=row.phase == NodePhase.RETIRED,
            parts=[attempt_id(part.job, part.attempt) for part in nodes.open_parts(self.session, name)],
        )

    def _job_situation(self, job_id: str) -> JobSituation:
        job = self.session.get_one(Job, job_id)
        attempt = self.session.get(Attempt, (job_id, job.attempt))
        facts = next((a for a in self.cluster.attempts if a.job == job_id and a.number == job.attempt), None)
        return JobSituation(
            phase=JobPhase(job.phase),
            attempt=job.attempt,
            attempt_stopping=attempt is not None and attempt.phase in (AttemptPhase.STOPPING, AttemptPhase.ENDED),
            attempt_alive=facts is not None and not any(part.failed for part in facts.parts),
            stop_asked=job.stop_decision is not None,
            unprovable=unprovable(facts, self.cluster.nodes) if facts is not None else [],
        )

    # -- nodes

    def add_hold(self, node: str, owner: str, reason: str, run: int | None, expires_at: datetime | None) -> None:
        nodes.add_hold(self.session, node, owner, reason, run, expires_at, self.now)

    def lift_holds(self, node: str, owner_prefix: str, by: str) -> int:
        return nodes.lift_holds(self.session, node, owner_prefix, by, self.now)

    def held(self, node: str) -> bool:
        return bool(nodes.active_holds(self.session, self.now, node))

    def set_node_phase(self, node: str, phase: NodePhase) -> None:
        nodes.set_phase(self.session, self.session.get_one(Node, node), phase, self.now)

    def node_phase(self, node: str) -> NodePhase:
        return NodePhase(self.session.get_one(Node, node).phase)

    def retire_node(self, node: str, by: str, reason: str, vouched: bool) -> None:
        if vouched:
            membership.vouch(self.session, node, by, self.now)
        membership.retire(self.session, node, by, self.now)
        self.record("node_retired", reason=by, message=reason, node=node)

    def clear_loss(self, node: str) -> None:
        nodes.clear_loss(self.session, node)
        jobs.forget_loss(self.session, node)

    def boot_id(self, node: str) -> str:
        return self.session.get_one(Node, node).boot_id

    def address(self, node: str) -> str:
        return self.session.get_one(Node, node).address

    def keep_figures(self, node: str, figures: list[Figure], run: int | None) -> None:
        diagnostics.keep(self.session, node, figures, run, self.now)

    def leftovers(self, node: str) -> list[AffectedJob]:
        live = self.moment.nodes.get(node)
        if live is None:
            return []
        names = [(part.status.job, part.status.attempt) for part in live.parts.values()]
        replaced = {name: self._replaced(*name) for name in names}
        return [AffectedJob(job, attempt) for job, attempt in nodes.leftovers(live, replaced)]

    def _replaced(self, job: str, attempt: int) -> bool:
        row = self.session.get(Attempt, (job, attempt))
        return row is not None and row.phase in (AttemptPhase.STOPPING, AttemptPhase.ENDED)

    # -- jobs

    def submit_job(self, job: JobSpec, submitted_by: str, user: str, decision: int) -> str:
        return jobs.submit(self.session, job, submitted_by, user, decision, self.now)

    def ask_job_to_stop(self, job: str, decision: int) -> None:
        jobs.ask_to_stop(self.session, job, decision)

    def recover_job(self, job: str, attempt: int, reason: str, message: str, decision: int) -> bool:
        grace_s = self.timing.stop_grace_s
        return jobs.recover(self.session, job, attempt, reason, message, decision, self.now, grace_s)

    def job_progress(self, job: str) -> JobProgress:
        row = self.session.get_one(Job, job)
        attempt = self.session.get(Attempt, (job, row.attempt))
        phase = attempt.phase if attempt is not None else None
        stepping, stopping = phase == AttemptPhase.RUNNING, phase == AttemptPhase.STOPPING
        return JobProgress(JobPhase(row.phase), row.attempt, stepping, stopping, row.reason, row.message)

    # -- orders

    def give_order(
        self, key: str, node: str, kind: OrderKind, decision: int, lives_s: float | None, this_boot: bool
    ) -> None:
        boot_id = self.boot_id(node) if this_boot else None
        orders.give(self.session, key, node, kind, decision, self.epoch, self.now, lives_s, boot_id)

    def stop_part(self, node: str, job: str, attempt: int, grace_s: float, decision: int) -> None:
        jobs.order_stop(self.session, job, attempt, node, grace_s, decision, self.epoch, self.now)

    def outcome(self, key: str) -> Outcome | None:
        return orders.outcome(self.session, key)

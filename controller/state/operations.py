"""What operators ask for: each takes the pipeline's way to an action (law 1)."""

from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import select
from sqlalchemy.orm import Session

from controller.config import DiagnosticsConfig, Limits, Timing
from controller.errors import Invalid, NotFound
from controller.rotation import Turn, due, turns
from controller.state import automation, diagnostics, nodes, orders, runs
from controller.state.diagnostics import TOGETHER
from controller.state.facts import Memory, Moment, offers, read_cluster
from controller.state.models import Job, Node, Run
from controller.state.runs import SqlLedger
from controller.state.world import SqlWorld
from remediations.actions import ActionCall, catalogue
from remediations.engine import Engine
from remediations.finding import Finding, FindingKind
from remediations.ledger import RunReason
from remediations.operator import RulingAgainst, carry_out
from remediations.pipeline import Proposal, Verdict, decide
from remediations.pipeline.situation import Disturbs
from remediations.word import Word, weigh
from wire.api import DiagnoseRequest, Mode, NodePhase, RunPhase
from wire.conditions import COMPONENTS
from wire.orders import ClearCondition
from wire.specs import JobSpec

DRAIN_PHASES = frozenset({NodePhase.DRAINING, NodePhase.DRAINED})
CONTROLLER_ENVIRONMENT = "MAINSTAY_"


class Actor(msgspec.Struct, frozen=True):
    """Who asks. ``user`` is the Unix user that jobs submitted by it run as."""

    name: str  # "person:NAME"
    user: str | None = None


class Operator:
    """One operator's request on one transaction."""

    def __init__(
        self, session: Session, moment: Moment, epoch: int, timing: Timing, limits: Limits, actor: Actor
    ) -> None:
        self.session, self.actor = session, actor
        cluster = read_cluster(session, moment, Memory())
        self.world = SqlWorld(session, moment, cluster, epoch, timing, limits)

    def cordon(self, node: str, reason: str, expires_at: datetime | None) -> None:
        self._known_node(node)
        self._do("hold", reason, {"expires_at": expires_at}, node=node)

    def uncordon(self, node: str) -> None:
        """Lift every person's hold on the node; automation's own stay until it has put the node right.

        What a person drained takes work again.
        """
        self._known_node(node)
        self._do("unhold", "", {"owner_prefix": "person:"}, node=node)
        if self.world.node_phase(node) in DRAIN_PHASES and not self.world.held(node):
            self._do("undrain", "", {}, node=node)

    def drain(self, node: str, reason: str) -> None:
        """Hold the node, and count it as drained once nothing runs on it any more. What runs there goes on."""
        self.cordon(node, reason, None)
        self._do("drain", reason, {}, node=node)

    def clear(self, node: str, type_: str, components: list[str], reason: str) -> str:
        """Have the node forget a fault, and look again: the key of the order. Raises NotFound when it says no such
        thing."""
        self._known_node(node)
        faults = nodes.faults(self.session, node)
        if type_ not in faults:
            there = f"there are {', '.join(sorted(faults))}" if faults else "there is none"
            raise NotFound(f"no {type_} on {node}: {there}")
        known = faults[type_].components
        unknown = sorted(set(components) - set(known))
        if unknown and len(known) < COMPONENTS:  # it names no more than so many
            raise NotFound(f"{type_} on {node} is not about {unknown[0]}; it names {', '.join(known) or 'none'}")
        params = {"type": type_, "generation": faults[type_].generation, "components": components}
        self._do("clear_condition", reason, params, node=node)
        return orders.newest(self.session, node, ClearCondition)

    def retire(self, node: str, reason: str, machine_is_off: bool) -> None:
        """Take the node out of the fleet. Refused while something may run on it."""
        self._known_node(node)
        self._do("retire", reason, {"machine_is_off": machine_is_off}, node=node, vouched=machine_is_off)

    def repair(self, node: str, engine: Engine) -> None:
        """Have a node that was lost, or failed its validation, checked and put back in service: a run of its own."""
        self._known_node(node)
        proposal = Proposal(self.actor.name, "validate", Disturbs.NOTHING, node, about_return=True)
        ruling = decide(proposal, self.world.situation(proposal))
        if ruling.verdict is not Verdict.ALLOW:
            self.world.record_decision(proposal, ruling)
            raise RulingAgainst(ruling)
        now, who = self.world.now, self.actor.name
        finding = Finding(
            kind=FindingKind.NODE_RETURNED,
            key=f"repair:{node}:{now.isoformat()}",
            subject=f"node:{node}",
            reason="asked_by_person",
            message=f"{who} wants {node} checked and put back in service",
            at=now,
            node=node,
            asked_by=who,
        )
        engine.open(finding, SqlLedger(self.session, self.world.epoch, now), self.world)

    def diagnose(self, node: str, wanted: DiagnoseRequest, engine: Engine) -> int:
        """Have the node measured, with a peer if one is named: a run of its own, whose number is given."""
        names = [node] if wanted.peer is None else [node, wanted.peer]
        if wanted.peer == node:
            raise Invalid("peer: another node than the one that is diagnosed; correct it")
        if wanted.peer is None and TOGETHER in wanted.only:
            raise Invalid(f"peer: {TOGETHER} takes two nodes; name the other")
        for name in names:
            self._known_node(name)
            self._may_diagnose(name, wanted)
        params = {
            "names": wanted.only,
            "peer": wanted.peer,
            "deadline_s": wanted.deadline_s,
            "during_job": wanted.during_job,
        }
        message = f"{self.actor.name} wants {node} measured" + (f" together with {wanted.peer}" if wanted.peer else "")
        return self._open_diagnostics(node, params, "asked_by_person", message, self.actor.name, engine)

    def propose_diagnostics(self, engine: Engine, config: DiagnosticsConfig) -> list[Turn]:
        """Open a run for those idle nodes whose turn has come."""
        under_way = diagnostics.under_way(self.session)
        taken = {name for names in under_way for name in names}
        free = [offer.name for offer in offers(self.session, self.world.cluster, self.world.timing)]
        idle = [name for name in free if name not in taken]
        joined, asked = diagnostics.joined(self.session), diagnostics.last_asked(self.session)
        overdue = due(idle, joined, asked, self.world.now, timedelta(hours=config.every_h))
        met = {name: diagnostics.met(self.session, name) for name in overdue}
        chosen = turns(overdue, idle, met, config.at_once - len(under_way))
        for turn in chosen:
            params = {"peer": turn.peer, "deadline_s": config.deadline_s}
            message = f"it is {turn.node}'s turn" + (f", together with {turn.peer}" if turn.peer else "")
            self._open_diagnostics(turn.node, params, "scheduled", message, "", engine)
        return chosen

    def _may_diagnose(self, node: str, wanted: DiagnoseRequest) -> None:
        disturbs = catalogue()["run_diagnostics"].DISTURBS
        proposal = Proposal(self.actor.name, "run_diagnostics", disturbs, node, during_job=wanted.during_job)
        ruling = decide(proposal, self.world.situation(proposal))
        if ruling.verdict is not Verdict.ALLOW:
            self.world.record_decision(proposal, ruling)
            raise RulingAgainst(ruling)

    def _open_diagnostics(
        self, node: str, params: dict[str, Any], reason: str, message: str, asked_by: str, engine: Engine
    ) -> int:
        now = self.world.now
        kind = FindingKind.DIAGNOSTICS_DUE
        key, subject = f"{kind}:{node}:{now.isoformat()}", f"node:{node}"
        finding = Finding(kind, key, subject, reason, message, now, node, params=params, asked_by=asked_by)
        engine.open(finding, SqlLedger(self.session, self.world.epoch, now), self.world)
        return self.session.scalars(select(Run.id).where(Run.subject == subject).order_by(Run.id.desc())).first() or 0

    def approve_run(self, run: int, lives: timedelta) -> None:
        """What of the run waits for approval may go, and its later steps, until that has lived its time."""
        decision, now = self._say(Word.APPROVE, run), self.world.now
        runs.approve(self.session, run, decision, self.actor.name, now + lives, now)

    def reject_run(self, run: int, reason: str) -> None:
        self._say(Word.REJECT, run)
        self._give_up(run, RunReason.REJECTED, reason)

    def abort_run(self, run: int, reason: str) -> None:
        """Nothing more of it is begun. What it has begun is not taken back."""
        self._say(Word.ABORT, run)
        self._give_up(run, RunReason.ABORTED, reason)

    def set_automation(self, mode: Mode) -> None:
        automation.set_mode(self.session, mode, self.actor.name, self.world.now)

    def acknowledge(self, incident: int, note: str) -> None:
        runs.acknowledge(self.session, incident, self.actor.name, note, self.world.now)

    def submit_job(self, spec: JobSpec) -> str:
        check_spec(spec)
        self._do("submit_job", "", {"spec": spec, "user": self.actor.user})
        newest = select(Job.id).where(Job.name == spec.name).order_by(Job.created_at.desc(), Job.id.desc())
        return self.session.scalars(newest.limit(1)).one()

    def stop_job(self, ref: str) -> str:
        job = find_job(self.session, ref)
        self._do("stop_job", "", {}, job=job.id)
        return job.id

    def _known_node(self, name: str) -> None:
        if self.session.get(Node, name) is None:
            raise NotFound(f"no node {name!r}; `mainstay node list` shows those there are")

    def _say(self, word: Word, number: int) -> int:
        """The decision that this word may be said. Raises RulingAgainst, with the decision recorded."""
        run = self.session.get(Run, number)
        if run is None:
            raise NotFound(f"no run {number}; `mainstay run list` shows those there are")
        ruling = weigh(word, number, RunPhase(run.phase), run.reason)
        proposal = Proposal(self.actor.name, word, Disturbs.NOTHING, run=number)
        decision = self.world.record_decision(proposal, ruling)
        if ruling.verdict is not Verdict.ALLOW:
            raise RulingAgainst(ruling)
        return decision

    def _give_up(self, run: int, reason: RunReason, why: str) -> None:
        message = f"by {self.actor.name}" + (f": {why}" if why else "")
        runs.end_run(self.session, run, RunPhase.ABANDONED, reason, message, self.world.now)

    def _do(
        self,
        action: str,
        reason: str,
        params: dict[str, Any],
        node: str | None = None,
        job: str | None = None,
        vouched: bool = False,
    ) -> None:
        proposal = Proposal(self.actor.name, action, catalogue()[action].DISTURBS, node, job, vouched=vouched)
        call = ActionCall(self.actor.name, 0, "person", reason, node=node, job=job, params=params)
        carry_out(self.world, proposal, call)


def find_job(session: Session, ref: str) -> Job:
    """A job by its id, or the newest of that name."""
    job = session.get(Job, ref)
    if job is None:
        newest = select(Job).where(Job.name == ref).order_by(Job.created_at.desc(), Job.id.desc()).limit(1)
        job = session.scalars(newest).first()
    if job is None:
        raise NotFound(f"no job {ref!r}; `mainstay job list` shows those there are")
    return job


def check_spec(spec: JobSpec) -> None:
    """What the types can't say. Raises Invalid naming the field."""
    reserved = sorted(name for name in spec.environment if name.startswith(CONTROLLER_ENVIRONMENT))
    if reserved:
        raise Invalid(f"environment.{reserved[0]}: names that begin with MAINSTAY_ are set by Mainstay; remove it")

"""A cluster in one thread and one clock: the controller's real transactions on a real SQLite file, and nodes that
answer orders as agents do. Time passes only when a test says so."""

from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from controller.config import Limits, Timing
from controller.detect.contact import Contact
from controller.state import automation, membership, nodes, tick, views
from controller.state.events import events
from controller.state.facts import Memory, Moment
from controller.state.live import Live
from controller.state.models import Base
from controller.state.operations import Actor, Operator
from controller.state.store import Store, Transaction
from remediations.engine import Engine
from remediations.playbook import shipped
from wire.api import EventView, IncidentView, JobView, Mode, NodeView, RunView
from wire.attempts import (
    CompleteCheckpoint,
    End,
    ExitRecord,
    FailureKind,
    PartState,
    PartStatus,
    RankFailure,
    RankProgress,
)
from wire.diagnostics import Figure
from wire.messages import Durable, FromController, Hello, PartChange, Spooled
from wire.orders import (
    ClearCondition,
    Diagnose,
    LaunchAttempt,
    Order,
    Outcome,
    OutcomeReason,
    OutcomeStatus,
    ReservePort,
    StopAttempt,
    ValidateNode,
)
from wire.specs import CheckpointSpec, JobSpec
from wire.version import Version

START = datetime(2026, 1, 1, tzinfo=UTC)
PERSON = Actor("person:ann", "trainer")
Key = tuple[str, int]


def job_spec(name: str = "lm", nodes: int = 3, **fields: object) -> JobSpec:
    checkpoint = CheckpointSpec(dir=f"/shared/{name}")
    return JobSpec(name=name, script="/srv/train.py", nodes=nodes, **{"checkpoint": checkpoint, **fields})  # type: ignore[arg-type]


@dataclass
class SimulatedNode:
    """An agent, its shims and workers. ``silent`` stops all of it, as SIGSTOP does; ``dead`` kills all of it."""

    name: str
    cluster: "SimulatedCluster"
    parts: dict[Key, PartStatus] = field(default_factory=dict)
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    launches: list[Key] = field(default_factory=list)
    inbox: list[Order] = field(default_factory=list)
    steps: dict[Key, int] = field(default_factory=dict)
    boot: int = 1
    seq: int = 0
    connected: bool = False
    silent: bool = False
    refuses: OutcomeReason | None = None
    unfit: bool = False  # its validation fails
    figures: list[Figure] = field(default_factory=list)  # what its diagnostics measure
    diagnosed: list[Diagnose] = field(default_factory=list)
    cleared: list[ClearCondition] = field(default_factory=list)
    failing_stops: int = 0  # so many stops fail before one works
    stops_asked: int = 0
    fingerprint: str = "f"

    @property
    def node(self) -> str:
        return self.name

    # -- as the controller's session

    def send(self, message: FromController) -> None:
        if isinstance(message, Order):
            self.inbox.append(message)

    def close(self, reason: str) -> None:
        self.connected = False

    # -- as an agent

    def connect(self) -> None:
        self.connected, self.silent, self.inbox = True, False, []
        boot = f"boot-{self.boot}"
        hello = Hello(
            Version(), self.name, "1", "i", boot, f"10.0.0.{self.name[1:]}", 0, parts=list(self.parts.values())
        )
        self.cluster.live.connect(self, hello, self.cluster.mono)
        self.cluster.said.append(tick.Said(self.name, hello, self.fingerprint))

    def live(self) -> None:
        """What an agent does between two ticks of the controller."""
        if self.silent or not self.connected:
            return
        orders, self.inbox = self.inbox, []
        for order in orders:
            self._say(self.outcomes.setdefault(order.key, self._outcome(order)))
        running = [part for part in self.parts.values() if part.state is not PartState.ENDED]
        self.cluster.live.hear(self.name, running, self.cluster.mono, False)

    def _outcome(self, order: Order) -> Outcome:
        kind = order.kind
        if isinstance(kind, ReservePort):
            return Outcome(order.key, OutcomeStatus.DONE, OutcomeReason.OK, port=29500 + kind.attempt)
        if isinstance(kind, ValidateNode) and self.unfit:
            return Outcome(order.key, OutcomeStatus.FAILED, OutcomeReason.CHECKS_FAILED, "disk full")
        if isinstance(kind, ValidateNode):
            return Outcome(order.key, OutcomeStatus.DONE, OutcomeReason.OK)
        if isinstance(kind, Diagnose):
            return self._diagnose(order, kind)
        if isinstance(kind, ClearCondition):
            self.cleared.append(kind)
            return Outcome(order.key, OutcomeStatus.DONE, OutcomeReason.OK)
        if isinstance(kind, LaunchAttempt):
            if self.refuses is not None:
                return Outcome(order.key, OutcomeStatus.REFUSED, self.refuses, "add it to workers.roots")
            return Outcome(order.key, OutcomeStatus.DONE, OutcomeReason.OK, part=self._launch(kind))
        assert isinstance(kind, StopAttempt)
        self.stops_asked += 1
        if self.failing_stops > 0:
            self.failing_stops -= 1
            return Outcome(order.key, OutcomeStatus.FAILED, OutcomeReason.LEFTOVERS, "processes resist")
        return Outcome(order.key, OutcomeStatus.DONE, OutcomeReason.OK, part=self._stop((kind.job, kind.attempt)))

    def _diagnose(self, order: Order, kind: Diagnose) -> Outcome:
        self.diagnosed.append(kind)
        figures = {"figures": msgspec.to_builtins(self.figures)}
        bad = any(figure.ok is False for figure in self.figures)
        status = OutcomeStatus.FAILED if bad else OutcomeStatus.DONE
        reason = OutcomeReason.CHECKS_FAILED if bad else OutcomeReason.OK
        return Outcome(order.key, status, reason, "wrong" if bad else "", detail=figures)

    def _launch(self, kind: LaunchAttempt) -> PartStatus:
        key = (kind.job, kind.attempt)
        self.launches.append(key)
        self.steps[key] = kind.resume_step or 0
        rank = RankProgress(kind.node_rank, pid=1, process_state="R")
        self.parts[key] = PartStatus(
            kind.job, kind.attempt, PartState.RUNNING, kind.node_rank, f"boot-{self.boot}", ranks=[rank]
        )
        return self.parts[key]

    def _stop(self, key: Key) -> PartStatus:
        part = self.parts.get(key)
        if part is None or part.state is not PartState.ENDED:
            self.end(key, End.STOPPED if part else End.NEVER_STARTED, say=False)
        return self.parts[key]

    def step(self, key: Key, to: int, checkpoint: bool = False) -> None:
        part = self.parts[key]
        rank = RankProgress(part.node_rank, pid=1, process_state="R", step=to, first_step=self.steps[key] + 1)
        checkpoints = [*part.checkpoints, CompleteCheckpoint(to, f"step-{to}.pt")] if checkpoint else part.checkpoints
        self.parts[key] = _replaced(part, ranks=[rank], checkpoints=checkpoints)
        if checkpoint:
            self._say(PartChange(self.parts[key]))

    def end(self, key: Key, end: End, failure: RankFailure | None = None, say: bool = True) -> None:
        part = self.parts.get(key) or PartStatus(key[0], key[1], PartState.ENDED, 0, f"boot-{self.boot}")
        record = ExitRecord(end, self.cluster.utc, first_failure=failure, log_tail="ValueError: no" if failure else "")
        self.parts[key] = _replaced(part, state=PartState.ENDED, exit=record)
        if say:
            self._say(PartChange(self.parts[key]))

    def fail(
        self, key: Key, kind: FailureKind = FailureKind.EXCEPTION, error: str = "ValueError", message: str = "no"
    ) -> None:
        at = self.cluster.utc
        rank = self.parts[key].node_rank
        self.end(key, End.FAILED, RankFailure(kind, at, rank=rank, error=error, message=message))

    def fail_a_rank(self, key: Key) -> None:
        """A worker has failed and its launcher has not ended yet."""
        failure = RankFailure(FailureKind.EXCEPTION, self.cluster.utc, rank=self.parts[key].node_rank)
        self.parts[key] = _replaced(self.parts[key], rank_failure=failure)
        self._say(PartChange(self.parts[key]))

    def reboot(self) -> None:
        self.die()
        self.boot += 1
        for key, part in list(self.parts.items()):
            if part.exit is not None and part.exit.end is End.SHIM_LOST:
                self.parts[key] = _replaced(part, exit=ExitRecord(End.REBOOTED, START))
        self.connect()

    def die(self) -> None:
        """Agent, shim and workers killed: the connection breaks."""
        for key, part in list(self.parts.items()):
            if part.state is not PartState.ENDED:
                self.parts[key] = _replaced(part, state=PartState.ENDED, exit=ExitRecord(End.SHIM_LOST, START))
        self.kill_agent()

    def kill_agent(self) -> None:
        self.cluster.live.disconnect(self)
        self.connected = False

    def _say(self, body: Durable) -> None:
        if self.silent or not self.connected:
            return
        self.seq += 1
        self.cluster.live.hear(
            self.name, [body.part] if isinstance(body, PartChange | Outcome) and body.part else [], self.cluster.mono
        )
        self.cluster.said.append(tick.Said(self.name, Spooled(self.seq, body), self.fingerprint))


def _replaced(part: PartStatus, **fields: object) -> PartStatus:
    return msgspec.structs.replace(part, **fields)


class DatabaseAway(Exception):
    pass


def raise_away() -> None:
    raise DatabaseAway


class SimulatedCluster:
    """``place`` is a directory for a database of its own, or a store."""

    def __init__(
        self,
        place: Path | Store,
        names: int,
        timing: Timing | None = None,
        limits: Limits | None = None,
        mode: Mode = Mode.AUTO,
    ) -> None:
        self.store = place if isinstance(place, Store) else Store(f"sqlite:///{place}/mainstay.db")
        Base.metadata.create_all(self.store.engine)
        self.store.transact(lambda s: automation.ensure_first(s, mode, START))
        self.timing, self.limits = timing or Timing(), limits or Limits()
        self.mono, self.utc = 1000.0, START
        self.nodes = {f"n{i}": SimulatedNode(f"n{i}", self) for i in range(1, names + 1)}
        for name in self.nodes:
            self.store.transact(lambda s, name=name: membership.register(s, name, "f", "a", self.utc))
        self.start_controller()
        for node in self.nodes.values():
            node.connect()
        self.run(1)

    def start_controller(self) -> None:
        """Also a restart: all that is not in SQL is gone, and agents connect again."""
        self.said: list[tick.Said] = []
        self.memory, self.contacts, self.sent = Memory(), dict[str, Contact](), dict[str, int]()
        self.listening_since = self.mono
        self.epoch = self.store.transact(lambda s: nodes.take_epoch(s, "i", "1", self.utc))
        self.live = Live(self.epoch)

    def moment(self) -> Moment:
        grace = self.timing.reconnect_grace_s - self.timing.lost_after_s
        return Moment(self.mono, self.utc, self.live.snapshot(), self.listening_since + grace)

    def fail_to_commit(self) -> None:
        """A transaction that is lost with the connection to its database: nothing of it is true."""
        with suppress(DatabaseAway):
            self.store.transact(lambda s: (self._transaction(s, self.said), raise_away()))

    def commit_and_die(self) -> None:
        """A controller killed between the commit and the first message that leaves because of it."""
        self.store.transact(lambda s: self._transaction(s, self.said))
        self.start_controller()

    def _transaction(self, session: Transaction, said: list[tick.Said]) -> tick.Result:
        rules = tick.Rules(Engine(shipped()), self.timing, self.limits, self.epoch)
        return tick.tick(session, said, self.moment(), self.memory, self.contacts, self.sent, rules)

    def tick(self) -> None:
        said, self.said = self.said, []
        result = self.store.transact(lambda s: self._transaction(s, said))
        self.contacts = result.contacts
        for name in result.lost:
            self.live.disconnect(self.nodes[name])
            self.nodes[name].connected = False
        for name, order in result.orders:
            self.nodes[name].send(order)
            self.sent[order.key] = self.live.node(name).session_number

    def run(self, seconds: float, step: float = 0.25) -> None:
        """Let time pass: agents answer, the controller ticks."""
        for _ in range(round(seconds / step)):
            self.mono += step
            self.utc += timedelta(seconds=step)
            for node in self.nodes.values():
                node.live()
            self.tick()

    def train(self, job: str, attempt: int, to: int, checkpoint: int | None = None) -> None:
        """All parts of an attempt reach a step; rank 0's node writes a checkpoint where asked."""
        for node in self.nodes.values():
            part = node.parts.get((job, attempt))
            if part is not None and part.state is PartState.RUNNING and node.connected and not node.silent:
                if checkpoint is not None and part.node_rank == 0:
                    node.step((job, attempt), checkpoint, checkpoint=True)
                node.step((job, attempt), to)
        self.run(0.5)

    def operate(self, actor: Actor = PERSON) -> "Operation":
        return Operation(self, actor)

    def job(self, ref: str) -> JobView:
        return self.store.transact(lambda s: views.job_view(s, ref, self.seen()))

    def node(self, name: str) -> NodeView:
        view = self.store.transact(lambda s: views.node_view(s, name, self.seen()))
        assert view is not None
        return view

    def runs(self) -> list[RunView]:
        return self.store.transact(lambda s: views.run_views(s))

    def incidents(self) -> list[IncidentView]:
        return self.store.transact(lambda s: views.incident_views(s))

    def events(self) -> list[EventView]:
        return self.store.transact(lambda s: events(s, limit=100_000))

    def seen(self) -> views.Seen:
        return views.Seen(self.moment(), self.contacts)

    def submit(self, spec: JobSpec) -> str:
        return self.operate().submit_job(spec)


class Operation:
    """An operator's call, in a transaction of its own."""

    def __init__(self, cluster: SimulatedCluster, actor: Actor) -> None:
        self.cluster, self.actor = cluster, actor

    def __getattr__(self, name: str):  # type: ignore[no-untyped-def]
        def call(*args: object) -> object:
            c = self.cluster
            return c.store.transact(
                lambda s: getattr(Operator(s, c.moment(), c.epoch, c.timing, c.limits, self.actor), name)(*args)
            )

        return call

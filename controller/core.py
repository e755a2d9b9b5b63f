"""The controller's heart: takes what agents and operators say, decides, and gives orders.

Everything that must survive happens in :func:`controller.state.tick.tick`, one transaction after another on the
store's thread. This class is the edge around it: it keeps the live view, collects what is to be recorded, wakes the
tick, and sends what a committed transaction ordered.
"""

import asyncio
import contextlib
import logging
import uuid
from collections.abc import Callable
from typing import TypeVar

from controller import __version__
from controller.clock import Clock, SystemClock
from controller.config import Limits, Timing
from controller.detect.contact import Contact
from controller.errors import Refused
from controller.facts import Link
from controller.state import membership, nodes, tick, views
from controller.state.facts import Memory, Moment
from controller.state.live import AgentSession, Live
from controller.state.operations import Actor, Operator
from controller.state.store import Store, Transaction
from remediations.engine import Engine
from remediations.operator import RulingAgainst
from remediations.playbook import shipped
from wire.messages import (
    Ack,
    ConditionChanges,
    Heartbeat,
    Hello,
    PartChange,
    RefusalReason,
    Spooled,
    Welcome,
)
from wire.messages import Refused as LinkRefused
from wire.version import Version

log = logging.getLogger(__name__)
T = TypeVar("T")

IDLE_TICK_S = 0.5
RETRY_S = 0.5  # after a transaction that failed: the database is away
SUSPENDED_S = 2.0  # a gap in the event loop that says this process itself did not run


class Core:
    """Made once per process; :meth:`start` takes a new epoch, before which nothing is decided or sent.

    ``on_turn`` is called after every tick, also one that failed: whoever waits for it knows that deciding goes on.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock | None = None,
        timing: Timing | None = None,
        limits: Limits | None = None,
        heartbeat_s: float = 1.0,
        on_turn: Callable[[float], None] = lambda _mono: None,
    ) -> None:
        self.store = store
        self.clock = clock or SystemClock()
        self.timing, self.limits = timing or Timing(), limits or Limits()
        self.heartbeat_s = heartbeat_s
        self._on_turn = on_turn
        self.live = Live()
        self.links: tuple[Link, ...] = ()  # set by controller/peering.py
        self.epoch = 0
        self.started_at = self.clock.utc()
        self._fingerprints: dict[str, str] = {}
        self._said: list[tick.Said] = []
        self._contacts: dict[str, Contact] = {}
        self._sent: dict[str, int] = {}
        self._memory = Memory()
        self.engine = Engine(shipped())
        self._listening_since = self.clock.mono()
        self._awake_at = self._listening_since
        self._wake = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    # -- life

    async def start(self) -> None:
        instance = uuid.uuid4().hex
        self.epoch = await self.store.run(lambda s: nodes.take_epoch(s, instance, __version__, self.started_at))
        self._fingerprints = await self.store.run(membership.fingerprints)
        self.live = Live(self.epoch)
        self._listening_since = self._awake_at = self.clock.mono()
        self._tasks = [asyncio.create_task(work(), name=work.__name__) for work in (self._run, self._keep_awake)]

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _run(self) -> None:
        """Tick when something was said, and at the latest after IDLE_TICK_S. Ends only by cancellation."""
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(IDLE_TICK_S):
                    await self._wake.wait()
            self._wake.clear()
            try:
                await self._tick()
            except Exception:
                log.exception("a transaction failed; trying again")
                await asyncio.sleep(RETRY_S)
            self._on_turn(self.clock.mono())

    async def _tick(self) -> None:
        moment = self._moment()
        said, self._said = self._said, []
        rules = tick.Rules(self.engine, self.timing, self.limits, self.epoch)
        contacts, sent = dict(self._contacts), dict(self._sent)
        try:
            result = await self.store.run(
                lambda session: tick.tick(session, said, moment, self._memory, contacts, sent, rules)
            )
        except BaseException:
            self._said[:0] = said
            raise
        self._contacts = result.contacts
        self._release(result, said, moment)

    def _release(self, result: tick.Result, said: list[tick.Said], moment: Moment) -> None:
        """Send what the committed transaction allows."""
        for name in result.lost:
            if self._same_connection(name, moment):
                self._drop(name, "counts as lost")
        for one in said:
            if isinstance(one.message, Spooled):
                self._acknowledge(one, one.message.seq)
        for name, order in result.orders:
            live = self.live.node(name)
            if live.session is not None and self._same_connection(name, moment):
                live.session.send(order)
                self._sent[order.key] = live.session_number
        self._sent = {key: number for key, number in self._sent.items() if key in result.pending}

    def _same_connection(self, name: str, moment: Moment) -> bool:
        """What was decided at ``moment`` is about the connection of then; the node may have come back since."""
        return name in moment.nodes and self.live.node(name).session_number == moment.nodes[name].session_number

    async def _keep_awake(self) -> None:
        while True:
            self._notice_pause(self.clock.mono())
            await asyncio.sleep(IDLE_TICK_S)

    def _notice_pause(self, mono: float) -> None:
        """After a pause of this process nobody is judged by the silence it made itself.

        A slow database is no such pause: the event loop hears everybody meanwhile.
        """
        if mono - self._awake_at > SUSPENDED_S:
            self._listening_since = mono
            self.live.forgive_silence(mono)
        self._awake_at = mono

    def _moment(self) -> Moment:
        """Now, as a tick sees it."""
        mono = self.clock.mono()
        self._notice_pause(mono)
        head_start = self.timing.reconnect_grace_s - self.timing.lost_after_s
        silent_since = self._listening_since + max(0.0, head_start)
        return Moment(mono, self.clock.utc(), self.live.snapshot(), silent_since, self.links)

    def _acknowledge(self, said: tick.Said, seq: int) -> None:
        """Only to who said it: under another certificate the numbers begin afresh."""
        session = self.live.node(said.node).session
        if session is not None and session.fingerprint == said.fingerprint:
            session.send(Ack(seq))

    def _drop(self, name: str, reason: str) -> None:
        session = self.live.node(name).session
        if session is not None:
            self.live.disconnect(session)
            session.close(reason)

    # -- called by controller/link, on the event loop

    def accept(self, session: AgentSession, hello: Hello) -> Welcome | LinkRefused:
        """Greet a node whose certificate and protocol version were checked."""
        known = self._fingerprints.get(session.node)
        if known is None:
            message = f"no node {session.node!r} has joined this controller; join it with a new token"
            return LinkRefused(RefusalReason.UNKNOWN_NODE, message)
        if not known:
            message = f"node {session.node!r} was retired; join it with a new token"
            return LinkRefused(RefusalReason.UNKNOWN_NODE, message)
        if known != session.fingerprint:
            message = f"a newer certificate was made for {session.node!r}; join it again if this is the right machine"
            return LinkRefused(RefusalReason.CERTIFICATE_SUPERSEDED, message)
        before = self.live.node(session.node).session
        if before is not None:
            before.close("replaced by a newer connection")
        self.live.connect(session, hello, self.clock.mono())
        self._say(session, hello)
        return Welcome(Version(), self.epoch, self.heartbeat_s)

    def heard(self, session: AgentSession, message: Heartbeat | Spooled) -> None:
        if self.live.node(session.node).session is not session:
            return
        mono = self.clock.mono()
        if isinstance(message, Heartbeat):
            self.live.hear(session.node, message.parts, mono, message.held)
            if message.peers is not None:
                self.live.hear_peers(session.node, message.peers)
            return
        body = message.body
        parts = [body.part] if isinstance(body, PartChange) else []
        self.live.hear(session.node, parts, mono)
        if isinstance(body, ConditionChanges):
            self.live.hear_conditions(session.node, body.conditions)
        self._say(session, message)

    def broken(self, session: AgentSession, reason: str) -> None:
        if self.live.disconnect(session):
            log.info("link to %s broken: %s", session.node, reason)
            self._wake.set()

    def _say(self, session: AgentSession, message: Hello | Spooled) -> None:
        self._said.append(tick.Said(session.node, message, session.fingerprint))
        self._wake.set()

    # -- called by controller/requests.py, for the API

    def recognise(self, node: str, fingerprint: str, reason: str) -> None:
        """From now on only this certificate is the node's; an empty one: none is."""
        self._fingerprints[node] = fingerprint
        self._drop(node, reason)

    def in_contact(self, node: str) -> bool:
        """A machine of that name, with a certificate that counts."""
        return bool(self._fingerprints.get(node)) and self.live.node(node).connected

    async def look(self, work: Callable[[Transaction, views.Seen], T]) -> T:
        seen = views.Seen(self._moment_for_views(), dict(self._contacts))
        return await self.store.read(lambda session: work(session, seen))

    def _moment_for_views(self) -> Moment:
        return Moment(self.clock.mono(), self.clock.utc(), self.live.snapshot(), self._listening_since)

    async def operate(self, actor: Actor, work: Callable[[Operator], T]) -> T:
        """Run an operator's request; a refusal is recorded like any decision, then raised."""
        moment = self._moment_for_views()

        def transaction(session: Transaction) -> T | RulingAgainst:
            operator = Operator(session, moment, self.epoch, self.timing, self.limits, actor)
            try:
                return work(operator)
            except RulingAgainst as against:
                return against

        answer = await self.store.run(transaction)
        self._wake.set()
        if isinstance(answer, RulingAgainst):
            raise Refused(str(answer), answer.ruling.reason)
        return answer

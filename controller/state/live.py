"""The live view: what agents said last, in memory. Lost with the controller and rebuilt from their next word."""

import math
from collections.abc import Mapping
from typing import Protocol

import msgspec

from controller.facts import Path
from controller.state.fit import fit
from wire.attempts import PartState, PartStatus, RankProgress
from wire.conditions import Condition
from wire.messages import FromController, Hello, ReadLog, Reply
from wire.names import attempt_id
from wire.peers import MOST, PeerFigure, PeerReport

STEP_INTERVAL_WEIGHT = 0.3  # of the newest interval in the moving average
SESSIONS_AN_EPOCH = 1_000_000_000  # so that no two connections ever have one number, across restarts
ENDED_PARTS = 8


class AgentSession(Protocol):
    """One agent's connection. All of it is called on the event loop."""

    node: str  # from the verified certificate, not from the hello
    fingerprint: str  # SHA-256 of the certificate, hexadecimal

    def send(self, message: FromController) -> None:
        """Queue a message; never blocks. A peer that does not take its messages is closed."""

    def close(self, reason: str) -> None: ...

    async def ask(self, question: ReadLog, timeout_s: float) -> Reply:
        """The agent's answer to a question. Raises controller.errors.Unavailable."""


class LivePart(msgspec.Struct, frozen=True):
    status: PartStatus
    step: int | None = None
    loss: float | None = None
    stepped_at: float | None = None  # mono
    step_interval_s: float = 0.0
    alive_since: float | None = None  # mono, since when every rank it knows of was seen alive
    stopped_s: float = 0.0


class LiveNode(msgspec.Struct, frozen=True):
    session: AgentSession | None = None
    session_number: int = 0
    contact_at: float | None = None  # mono
    hold_file: bool = False
    parts: dict[str, LivePart] = {}  # by attempt id
    conditions: dict[str, Condition] = {}
    address: str = ""
    peer_port: int = 0  # where it answers its peers' echoes; 0 until it says so
    met_round: int = 0
    met: dict[str, Path] = {}  # what it found in that round, by peer

    @property
    def connected(self) -> bool:
        return self.session is not None


class Live:
    """Written on the event loop only; :meth:`snapshot` is what other threads may read."""

    def __init__(self, epoch: int = 0) -> None:
        self._nodes: dict[str, LiveNode] = {}
        self._sessions = epoch * SESSIONS_AN_EPOCH

    def snapshot(self) -> Mapping[str, LiveNode]:
        return dict(self._nodes)

    def node(self, name: str) -> LiveNode:
        return self._nodes.get(name, _NEVER_SEEN)

    def connect(self, session: AgentSession, hello: Hello, mono: float) -> None:
        self._sessions += 1
        self._nodes[session.node] = LiveNode(
            session=session,
            session_number=self._sessions,
            contact_at=mono,
            hold_file=hello.held,
            parts=self._merged(session.node, hello.parts, mono, only=True),
            conditions={condition.type: condition for condition in hello.conditions},
            address=hello.address,
        )

    def disconnect(self, session: AgentSession) -> bool:
        """True when this was the node's connection, and not one replaced since."""
        node = self.node(session.node)
        if node.session is not session:
            return False
        self._nodes[session.node] = msgspec.structs.replace(node, session=None)
        return True

    def hear(self, name: str, parts: list[PartStatus], mono: float, hold_file: bool | None = None) -> None:
        """``hold_file``: of a heartbeat, and of nothing else; a heartbeat names every part that has not ended."""
        node = self.node(name)
        merged = self._merged(name, parts, mono)
        self._nodes[name] = msgspec.structs.replace(
            node,
            contact_at=mono,
            parts=merged if hold_file is None else _others_ended(merged, parts),
            hold_file=node.hold_file if hold_file is None else hold_file,
        )

    def hear_conditions(self, name: str, conditions: list[Condition]) -> None:
        node = self.node(name)
        merged = {**node.conditions, **{condition.type: condition for condition in conditions}}
        self._nodes[name] = msgspec.structs.replace(node, conditions=merged)

    def hear_peers(self, name: str, report: PeerReport) -> None:
        """The looks of one round add up."""
        node = self.node(name)
        met = dict(node.met) if report.round == node.met_round else {}
        for it in report.figures:
            if it.name in met or len(met) < MOST:
                met[it.name] = met[it.name].and_(_path(it)) if it.name in met else _path(it)
        self._nodes[name] = msgspec.structs.replace(node, peer_port=report.port, met_round=report.round, met=met)

    def forgive_silence(self, mono: float) -> None:
        """This process itself stood still: the silence so far is nobody else's."""
        self._nodes = {
            name: node if node.contact_at is None else msgspec.structs.replace(node, contact_at=mono)
            for name, node in self._nodes.items()
        }

    def _merged(self, name: str, parts: list[PartStatus], mono: float, only: bool = False) -> dict[str, LivePart]:
        known = self.node(name).parts
        fitting = filter(None, map(fit, parts))
        news = {part.id: merge_part(known.get(part.id), slim(part), mono) for part in fitting}
        return _without_old_ends(news if only else {**known, **news})


_NEVER_SEEN = LiveNode()


def _path(figure: PeerFigure) -> Path:
    """What a node says of itself may be nonsense: what came back has a time, and what has none did not."""
    seconds, answered = figure.median_s, min(figure.answered, figure.asked)
    if not answered or seconds is None or not 0 <= seconds < math.inf:
        return Path(figure.asked, 0, None)
    return Path(figure.asked, answered, seconds)


def slim(status: PartStatus) -> PartStatus:
    """What an ended part's node says of its log and its checkpoints is in SQL; thousands of them are not kept here."""
    if status.state is not PartState.ENDED:
        return status
    exit_ = status.exit and msgspec.structs.replace(status.exit, log_tail="")
    return msgspec.structs.replace(status, checkpoints=[], exit=exit_)


def _others_ended(parts: dict[str, LivePart], named: list[PartStatus]) -> dict[str, LivePart]:
    """What says of a part that is not named any more that it runs is old: said before it ended, and spooled."""
    names = {part.id for part in named}
    return {name: part if name in names else _ended(part) for name, part in parts.items()}


def _ended(part: LivePart) -> LivePart:
    return msgspec.structs.replace(part, status=msgspec.structs.replace(part.status, state=PartState.ENDED))


def _without_old_ends(parts: dict[str, LivePart]) -> dict[str, LivePart]:
    """Ended parts are in SQL; only the newest are of use here."""
    ended = [name for name, part in parts.items() if part.status.state is PartState.ENDED]
    for name in ended[:-ENDED_PARTS]:
        del parts[name]
    return parts


def merge_part(known: LivePart | None, status: PartStatus, mono: float) -> LivePart:
    """What is now known of a part, given its agent's newest word of it."""
    before = known or LivePart(status)
    steps = [rank for rank in status.ranks if rank.step is not None]
    newest = max(steps, key=lambda rank: rank.step or 0, default=None)
    alive = bool(status.ranks) and status.state is PartState.RUNNING and all(map(_alive, status.ranks))
    part = LivePart(
        status=status,
        step=before.step if newest is None else newest.step,
        loss=before.loss if newest is None else newest.loss,
        stepped_at=before.stepped_at,
        step_interval_s=before.step_interval_s,
        alive_since=(before.alive_since or mono) if alive else None,
        stopped_s=max((rank.stopped_s for rank in status.ranks), default=0.0),
    )
    return part if part.step is None or part.step == before.step else _stepped(before, part, mono)


def _stepped(before: LivePart, part: LivePart, mono: float) -> LivePart:
    interval = before.step_interval_s
    if before.stepped_at is not None and before.step is not None and part.step is not None:
        newest = (mono - before.stepped_at) / max(1, part.step - before.step)
        interval = newest if interval == 0.0 else interval + STEP_INTERVAL_WEIGHT * (newest - interval)
    return msgspec.structs.replace(part, stepped_at=mono, step_interval_s=interval)


def _alive(rank: RankProgress) -> bool:
    return rank.pid is not None and rank.process_state not in ("Z", "X", "?")


def live_part(nodes: Mapping[str, LiveNode], node: str, job: str, attempt: int) -> LivePart | None:
    return nodes.get(node, _NEVER_SEEN).parts.get(attempt_id(job, attempt))

"""What decisions are made from: rows and the live view together, frozen, for one moment.

``mono`` times are seconds of one monotonic clock and mean nothing after a restart; ``utc`` is for records.
"""

from datetime import datetime

import msgspec

from wire.api import AttemptPhase, Health, JobPhase, NodePhase
from wire.attempts import End, ExitRecord, PartState, RankFailure
from wire.orders import OutcomeReason
from wire.specs import JobSpec


class NodeFacts(msgspec.Struct, frozen=True):
    """``contact_at`` (mono) is when it was last heard; before its first word, when this controller began to listen
    plus the time agents get to reconnect."""

    name: str
    phase: NodePhase
    health: Health
    connected: bool
    contact_at: float
    boot_id: str
    session: int  # names the connection; no other has or had its number
    lost_at: datetime | None
    lost_reason: str = ""
    address: str = ""
    held: bool = False  # any active hold, or a hold file
    hold_file: bool = False
    accelerators: tuple[str, ...] = ()
    phase_since: datetime | None = None


class PartFacts(msgspec.Struct, frozen=True):
    """``proof`` says how we know that it stopped; empty while it may run."""

    node: str
    node_rank: int
    state: PartState | None  # None before any word of it
    proof: str
    exit: ExitRecord | None = None
    rank_failure: RankFailure | None = None
    step: int | None = None
    stepped_at: float | None = None  # mono, when its step last grew
    alive_since: float | None = None  # mono, since when all its workers were seen alive
    stopped_s: float = 0.0  # the longest any of its workers has been in state T
    launch_refused: OutcomeReason | None = None
    launch_message: str = ""

    @property
    def failed(self) -> bool:
        """It ended otherwise than by success, one of its ranks failed, or it could not be launched.

        Of an attempt that is being stopped this says nothing: there every part ends so.
        """
        ended_badly = self.exit is not None and self.exit.end is not End.SUCCEEDED
        return ended_badly or self.rank_failure is not None or self.launch_refused is not None


class AttemptFacts(msgspec.Struct, frozen=True):
    job: str
    number: int
    phase: AttemptPhase
    job_phase: JobPhase
    gang: bool
    isolated: bool  # each attempt writes its checkpoints in a directory of its own
    parts: tuple[PartFacts, ...]
    since: float  # mono, when this controller first saw it in this phase
    step_interval_s: float = 0.0  # typical time between steps; 0 when unknown
    trouble_at: float | None = None  # mono, when the first failed part was learned of
    master_port: int | None = None
    stated_reason: str = ""  # what it is being stopped for
    stated_message: str = ""
    lost_nodes: tuple[str, ...] = ()  # found lost while it ran

    @property
    def nodes(self) -> tuple[str, ...]:
        return tuple(part.node for part in self.parts)


class Measured(msgspec.Struct, frozen=True):
    """A figure of :mod:`wire.diagnostics`: the newest of its node, name and component. ``fresh``: it just came in."""

    node: str
    name: str
    component: str
    kind: str
    value: float | None
    unit: str
    ok: bool | None
    wrong: bool
    message: str
    at: datetime
    fresh: bool = False


class Path(msgspec.Struct, frozen=True):
    """What both ends found together in one round. ``seconds``: the lower of their best medians; None: nothing came
    back."""

    asked: int
    answered: int
    seconds: float | None

    def and_(self, other: "Path") -> "Path":
        known = [each.seconds for each in (self, other) if each.seconds is not None]
        return Path(self.asked + other.asked, self.answered + other.answered, min(known, default=None))


class Link(msgspec.Struct, frozen=True):
    """What nodes that measured each other found of the way between them, judged in the last round. ``bad`` false: it
    was bad, and is well again."""

    one: str
    other: str
    bad: bool
    reason: str
    message: str
    since: datetime


class Cluster(msgspec.Struct, frozen=True):
    mono: float
    utc: datetime
    nodes: dict[str, NodeFacts]
    attempts: tuple[AttemptFacts, ...]  # those that have not ended
    measured: tuple[Measured, ...] = ()  # the whole fleet's, while there are fresh ones
    links: tuple[Link, ...] = ()  # those that are bad, or were just now


class JobFacts(msgspec.Struct, frozen=True):
    """``attempt`` is its newest one unless that has ended."""

    id: str
    spec: JobSpec
    phase: JobPhase
    number: int
    attempt: AttemptFacts | None
    stop_asked: bool
    failures: int
    fruitless: int
    not_before: datetime | None
    last_nodes: tuple[str, ...] = ()  # of its newest attempt
    last_end: str = ""  # why its newest attempt ended
    last_message: str = ""

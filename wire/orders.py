"""Orders go down, outcomes come up. Orders by name only; the one command line in them is a job's own (law 10)."""

from enum import StrEnum
from typing import Any

import msgspec

from wire.attempts import PartStatus
from wire.names import AbsolutePath, JobId, NodeName, Timestamp, UserName
from wire.specs import CheckpointSpec, Launcher, Limits, LogSpec


class ReservePort(msgspec.Struct, tag="reserve_port", frozen=True):
    """Pick a free TCP port on the node's address for the rendezvous of an attempt. Outcome.port answers."""

    job: JobId
    attempt: int


class LaunchAttempt(msgspec.Struct, tag="launch_attempt", frozen=True):
    """Start this node's part of an attempt: one shim and its workers."""

    job: JobId
    attempt: int
    node_rank: int
    nodes: int
    workers_per_node: int
    launcher: Launcher
    interpreter: AbsolutePath
    script: AbsolutePath
    args: list[str]
    directory: AbsolutePath
    environment: dict[str, str]
    user: UserName
    master_address: str
    master_port: int
    accelerators: list[str] = []  # their UUIDs
    limits: Limits = Limits()
    log: LogSpec = LogSpec()
    checkpoint: CheckpointSpec | None = None
    checkpoint_dir: str = ""  # this attempt's own directory; empty where the job writes where it likes
    resume_from: str = ""  # path of the last published checkpoint
    resume_step: int | None = None


class StopAttempt(msgspec.Struct, tag="stop_attempt", frozen=True):
    """Stop this node's part: SIGTERM, ``grace_s``, SIGKILL, sweep. Done when no process of it is left.

    Asked for a part this node knows nothing of, the outcome is done with End.NEVER_STARTED, and the agent remembers
    never to launch it.
    """

    job: JobId
    attempt: int
    grace_s: float


class ValidateNode(msgspec.Struct, tag="validate_node", frozen=True):
    """Run every check once, and look for what former attempts left behind. Done means fit for work."""


class Pair(msgspec.Struct, frozen=True):
    """Two nodes that are measured together; the one of rank 0 listens on ``address`` and ``port``."""

    peer: NodeName  # the other's name
    rank: int
    address: str
    port: int


class Diagnose(msgspec.Struct, tag="diagnose", frozen=True):
    """Run diagnostics, all that this node has where ``names`` is empty, for ``deadline_s`` at most; ``pair`` is what
    all_reduce needs. Refused while a part of a job is here, unless a person asked for it ``during_job``.

    Outcome.detail has their ``figures``. Nothing of it lasts: interrupted, it is run again while it has not expired.
    """

    names: list[str] = []
    deadline_s: float = 120.0
    quick: bool = False  # less of everything, and no computing where there is no accelerator
    pair: Pair | None = None
    during_job: bool = False


class ClearCondition(msgspec.Struct, tag="clear_condition", frozen=True):
    """A person, ``by``, says that a fault is over: of ``components``, or of all if none is named. What is kept of it is
    forgotten, and it is looked at anew at once. Refused when the condition's ``generation`` is another: it says
    something else than what the person knew.

    Done when it is FALSE now, or TRUE of other components only; failed when it is still so, or can't be told.
    """

    condition: str
    generation: int
    by: str
    why: str
    components: list[str] = []


OrderKind = ReservePort | LaunchAttempt | StopAttempt | ValidateNode | Diagnose | ClearCondition


class Order(msgspec.Struct, tag="order", frozen=True):
    """``key`` is the idempotency key: the same key is carried out once, whoever asks again.

    ``epoch`` is the controller's; an agent refuses an epoch lower than the highest it has seen. ``boot_id``: refused
    when the node has booted since. ``expires_at`` (UTC): refused when past; None for what cannot grow stale.
    ``decision`` is the row of the pipeline's decision that allowed it.
    """

    key: str
    epoch: int
    kind: OrderKind
    decision: int
    boot_id: str | None = None
    expires_at: Timestamp | None = None


class OutcomeStatus(StrEnum):
    DONE = "done"
    FAILED = "failed"  # tried, did not work; may be tried again under another key
    REFUSED = "refused"  # not tried; reason says by which rule


class OutcomeReason(StrEnum):
    OK = "ok"
    EXPIRED = "expired"
    OLD_EPOCH = "old_epoch"
    OTHER_BOOT = "other_boot"
    STOPPED_BEFORE = "stopped_before"  # a stop for this attempt came first
    NOT_PERMITTED = "not_permitted"  # interpreter, root or user not in the node's own configuration
    NOT_FOUND = "not_found"  # script or directory does not exist on the node
    BUSY = "busy"
    UNKNOWN_ORDER = "unknown_order"
    HELD = "held"  # hold file on the node
    CHECKS_FAILED = "checks_failed"
    CHANGED = "changed"  # what it was decided about is not so any more
    LEFTOVERS = "leftovers"
    SPAWN_FAILED = "spawn_failed"
    INTERNAL = "internal"


class Outcome(msgspec.Struct, tag="outcome", frozen=True):
    key: str
    status: OutcomeStatus
    reason: OutcomeReason
    message: str = ""  # names the file or field and the mend
    at: Timestamp | None = None
    port: int | None = None
    part: PartStatus | None = None
    detail: dict[str, Any] = {}

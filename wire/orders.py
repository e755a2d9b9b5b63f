"""Orders go down, outcomes come up. Orders by name only; the one command line in them is a job's own (law 10)."""

from enum import StrEnum
from typing import Any

import msgspec

from wire.attempts import PartStatus
from wire.names import AbsolutePath, JobId, Timestamp, UserName
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


OrderKind = ReservePort | LaunchAttempt | StopAttempt | ValidateNode


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

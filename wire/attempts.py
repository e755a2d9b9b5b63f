"""What a node knows about its part of an attempt."""

from enum import StrEnum

import msgspec

from wire.names import JobId, Timestamp, attempt_id


class PartState(StrEnum):
    """State of one node's part (its shim and workers) of an attempt."""

    STARTING = "starting"
    RUNNING = "running"
    STOPPING = "stopping"
    ENDED = "ended"  # no process of it is left on this node


class End(StrEnum):
    """How a part ended."""

    SUCCEEDED = "succeeded"  # every worker exited 0
    FAILED = "failed"  # a worker failed; first_failure says which
    STOPPED = "stopped"  # by order
    SHIM_LOST = "shim_lost"  # the shim died without an exit record; its processes were swept
    REBOOTED = "rebooted"  # the node booted since; nothing of it can be left
    NEVER_STARTED = "never_started"  # this node holds no trace of it


class FailureKind(StrEnum):
    EXCEPTION = "exception"  # a Python exception that starts in the script
    PEER = "peer"  # an error of communication: what peers of a failed rank get
    SIGNAL = "signal"  # killed from outside (SIGKILL, SIGTERM)
    CRASH = "crash"  # SIGSEGV, SIGABRT, SIGBUS, SIGFPE, SIGILL
    EXIT_CODE = "exit_code"  # exit status other than 0, no exception seen
    PORT_TAKEN = "port_taken"  # the rendezvous port was no longer free
    SPAWN = "spawn"  # the process could not be started
    UNKNOWN = "unknown"


class RankFailure(msgspec.Struct, frozen=True):
    kind: FailureKind
    at: Timestamp
    rank: int | None = None
    local_rank: int | None = None
    pid: int | None = None
    exit_code: int | None = None  # negative: minus the signal's number
    error: str = ""  # exception class, or signal name
    message: str = ""


class ExitRecord(msgspec.Struct, frozen=True):
    end: End
    ended_at: Timestamp
    exit_code: int | None = None
    first_failure: RankFailure | None = None
    swept: int = 0  # processes killed beyond the launcher's own clean-up
    log_tail: str = ""  # last lines of this node's log, at most 4 KiB


class RankProgress(msgspec.Struct, frozen=True):
    """Evidence of life of one rank. ``step`` and ``loss`` only where the script reports them.

    ``process_state`` is the letter of /proc/PID/stat; ``cpu_s`` user plus system time; ``stopped_s`` how long the
    state has been T without a break; ``reported_at`` is when the script last reported.
    """

    rank: int
    pid: int | None = None
    process_state: str = "?"
    cpu_s: float = 0.0
    stopped_s: float = 0.0
    step: int | None = None
    loss: float | None = None
    first_step: int | None = None
    reported_at: Timestamp | None = None


class CompleteCheckpoint(msgspec.Struct, frozen=True):
    step: int
    name: str  # relative to the attempt's checkpoint directory; what matched the pattern


class PartStatus(msgspec.Struct, frozen=True):
    """One node's part of one attempt, as its agent sees it now."""

    job: JobId
    attempt: int
    state: PartState
    node_rank: int
    boot_id: str
    started_at: Timestamp | None = None
    exit: ExitRecord | None = None  # set when state is ENDED
    ranks: list[RankProgress] = []
    checkpoints: list[CompleteCheckpoint] = []  # all complete ones, oldest first, at most the newest 32
    rank_failure: RankFailure | None = None  # a worker has failed though its launcher has not ended yet

    @property
    def id(self) -> str:
        return attempt_id(self.job, self.attempt)

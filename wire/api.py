"""What the HTTP API takes and gives; one type for the controller that serves it and the command line that shows it."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

import msgspec

from wire.attempts import ExitRecord
from wire.conditions import Condition
from wire.names import END, NodeName, UserName, form
from wire.specs import JobSpec


class NodePhase(StrEnum):
    JOINING = "joining"
    READY = "ready"
    DRAINING = "draining"
    DRAINED = "drained"
    REPAIRING = "repairing"
    VALIDATING = "validating"
    RETIRED = "retired"


class Health(StrEnum):
    HEALTHY = "healthy"
    DEGRADED = "degraded"
    UNHEALTHY = "unhealthy"
    UNKNOWN = "unknown"
    SUSPECT = "suspect"
    LOST = "lost"


class JobPhase(StrEnum):
    PENDING = "pending"
    PLACING = "placing"
    STARTING = "starting"
    RUNNING = "running"
    RECOVERING = "recovering"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


ENDED_JOB_PHASES = frozenset({JobPhase.SUCCEEDED, JobPhase.FAILED, JobPhase.CANCELLED})


class AttemptPhase(StrEnum):
    PLACING = "placing"  # a rendezvous port is being reserved
    STARTING = "starting"  # launch orders are out
    RUNNING = "running"
    STOPPING = "stopping"
    ENDED = "ended"


class RunPhase(StrEnum):
    PROPOSED = "proposed"
    WAITING = "waiting"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    ABANDONED = "abandoned"
    SHADOW = "shadow"


class StepPhase(StrEnum):
    PENDING = "pending"
    CLAIMED = "claimed"
    RUNNING = "running"  # performed; its success is being verified
    DONE = "done"
    FAILED = "failed"
    SKIPPED = "skipped"


class HoldView(msgspec.Struct, frozen=True):
    id: int
    owner: str  # "person:NAME" or "mainstay:PLAYBOOK"
    reason: str
    created_at: datetime
    expires_at: datetime | None = None
    run: int | None = None


class NodeView(msgspec.Struct, frozen=True):
    name: str
    phase: NodePhase
    health: Health
    health_reason: str
    address: str
    holds: list[HoldView]
    jobs: list[str]  # ids of attempts with a part here
    accelerators: int
    cpus: int
    memory_bytes: int
    agent_version: str
    last_contact_s: float | None  # seconds since it was last heard; None when not since the controller's start
    boot_id: str
    joined_at: datetime
    conditions: list[Condition] = []  # filled by the single-node call


class PartView(msgspec.Struct, frozen=True):
    node: str
    node_rank: int
    state: str
    step: int | None = None
    loss: float | None = None
    exit: ExitRecord | None = None
    proof: str = ""  # how we know that it stopped


class AttemptView(msgspec.Struct, frozen=True):
    number: int
    phase: AttemptPhase
    parts: list[PartView]
    created_at: datetime
    started_at: datetime | None
    first_step_at: datetime | None
    ended_at: datetime | None
    end_reason: str
    end_message: str
    resume_step: int | None
    first_step: int | None
    last_step: int | None
    master_address: str
    master_port: int | None


class CheckpointView(msgspec.Struct, frozen=True):
    step: int
    attempt: int
    path: str
    published_at: datetime


class JobView(msgspec.Struct, frozen=True):
    id: str
    name: str
    phase: JobPhase
    reason: str
    message: str
    nodes: list[str]
    attempt: int
    step: int | None
    loss: float | None
    failures: int
    submitted_by: str
    user: str
    created_at: datetime
    ended_at: datetime | None
    checkpoint: CheckpointView | None = None
    spec: JobSpec | None = None  # this and what follows: filled by the single-job call
    attempts: list[AttemptView] = []
    log_tail: str = ""  # of the rank that failed first, when the job failed


class DecisionView(msgspec.Struct, frozen=True):
    id: int
    at: datetime
    actor: str  # "mainstay:PLAYBOOK" or "person:NAME"
    action: str
    target: str
    verdict: str  # allow, wait, refuse, shadow
    stage: str  # where the pipeline ended
    reason: str
    message: str


class StepView(msgspec.Struct, frozen=True):
    name: str
    action: str
    target: str
    phase: StepPhase
    reason: str
    message: str
    started_at: datetime | None
    ended_at: datetime | None
    decision: DecisionView | None = None


class RunView(msgspec.Struct, frozen=True):
    id: int
    playbook: str
    subject: str  # "node:n2" or "job:bytes-lm-1"
    phase: RunPhase
    reason: str
    message: str
    incident: int
    created_at: datetime
    ended_at: datetime | None
    steps: list[StepView] = []  # filled by the single-run call
    cause: str = ""  # what the incident says


class IncidentView(msgspec.Struct, frozen=True):
    id: int
    finding: str  # the kind
    subject: str  # "node:n2" or "job:bytes-lm-1"
    reason: str
    message: str
    opened_at: datetime
    closed_at: datetime | None
    detail: dict[str, Any] = {}


class EventView(msgspec.Struct, frozen=True):
    id: int
    at: datetime
    kind: str
    reason: str
    message: str
    node: str | None = None
    job: str | None = None
    attempt: int | None = None
    run: int | None = None
    detail: dict[str, Any] = {}


class WhyLink(msgspec.Struct, frozen=True):
    """One link of the chain from reading to verification, oldest first."""

    at: datetime
    stage: str  # sense, judge, report, detect, decide, act, verify, account
    text: str
    reason: str = ""
    kind: str = ""  # of the event behind it


class WhyView(msgspec.Struct, frozen=True):
    subject: str
    summary: str
    chain: list[WhyLink]


class ControllerView(msgspec.Struct, frozen=True):
    version: str
    protocol: str
    epoch: int
    started_at: datetime
    database: str
    nodes_connected: int
    nodes: int
    jobs_active: int


class CordonRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    reason: Annotated[str, msgspec.Meta(min_length=1, max_length=500)]
    expires_s: Annotated[float, msgspec.Meta(gt=0)] | None = None


class DrainRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    reason: Annotated[str, msgspec.Meta(min_length=1, max_length=500)]


class JoinRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``csr`` is a PEM certificate signing request; its subject is ignored, the name comes from ``node``."""

    node: NodeName
    csr: Annotated[str, msgspec.Meta(max_length=16_384)]


class JoinResponse(msgspec.Struct, frozen=True):
    certificate: str  # PEM
    ca: str  # PEM
    link: str  # HOST:PORT of the agents' link


class TokenKind(StrEnum):
    JOIN = "join"  # lets one node join; short-lived
    API = "api"  # an operator or a submitter


class TokenRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    kind: TokenKind
    name: Annotated[
        str, form(r"^[a-z0-9][a-z0-9.@_-]{0,62}" + END, "a name of small letters, digits and .@_-")
    ]  # whom it is for; with JOIN the node's name
    user: UserName | None = None  # the Unix user jobs of an API token run as; None may not submit
    expires_s: Annotated[float, msgspec.Meta(gt=0, le=31_536_000)] | None = None


class TokenResponse(msgspec.Struct, frozen=True):
    token: str  # shown once, stored as a hash
    ca_fingerprint: str  # "sha256:HEX"
    expires_at: datetime | None


class ErrorResponse(msgspec.Struct, frozen=True):
    """Every error of the API. HTTP 400 invalid, 401 no valid token, 403/409 refused, 404 not found."""

    error: str  # one line that names the field and the mend
    reason: str  # a fixed word

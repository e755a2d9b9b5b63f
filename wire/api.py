"""What the HTTP API takes and gives; one type for the controller that serves it and the command line that shows it."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

import msgspec

from wire.attempts import ExitRecord
from wire.conditions import COMPONENTS, Condition
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


class Mode(StrEnum):
    """How far automation may go, lowest first: of a playbook's own mode and the cluster's the lower one counts."""

    OFF = "off"  # nothing
    SHADOW = "shadow"  # what would have been done is recorded
    APPROVE = "approve"  # a person is asked first
    AUTO = "auto"

    @property
    def rank(self) -> int:
        return list(Mode).index(self)


class AutomationView(msgspec.Struct, frozen=True):
    """The cluster's automation mode. Relaunching workers goes on under ``shadow`` and ``approve`` too."""

    mode: Mode
    set_by: str  # "person:NAME"; empty when nobody has set it yet
    set_at: datetime | None
    held_back: dict[str, int] = {}  # action: how often it was only recorded since then, because of this mode
    waiting: list[int] = []  # runs that wait for a person's approval


class AutomationRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    mode: Mode


class HoldView(msgspec.Struct, frozen=True):
    id: int
    owner: str  # "person:NAME" or "mainstay:PLAYBOOK"
    reason: str
    created_at: datetime
    expires_at: datetime | None = None
    run: int | None = None


class FigureView(msgspec.Struct, frozen=True):
    """What a diagnostic measured. ``ok`` null: it was skipped, and ``message`` says why. ``wrong``: what was computed,
    copied or kept is not what it had to be."""

    name: str
    component: str  # a GPU's UUID, a mount point, the peer's name
    value: float | None
    unit: str
    ok: bool | None
    kind: str  # of hardware or software that it depends on
    message: str
    wrong: bool
    at: datetime
    run: int | None  # which measured it


class AcceleratorKind(msgspec.Struct, frozen=True):
    kind: str  # the model; empty when the node can't tell
    memory_bytes: int  # of each; 0 when the node can't tell
    count: int


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
    accelerator_kinds: list[AcceleratorKind] = []
    conditions: list[Condition] = []  # this and what follows: filled by the single-node call
    diagnostics: list[FigureView] = []  # of the last run that measured it


class PartView(msgspec.Struct, frozen=True):
    node: str
    node_rank: int
    state: str
    step: int | None = None
    loss: float | None = None
    exit: ExitRecord | None = None
    proof: str = ""  # how we know that it stopped; empty: we do not


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
    resume_step: int | None  # of the checkpoint that it started from
    first_step: int | None  # that it made itself
    last_step: int | None
    master_address: str
    master_port: int | None


class CheckpointView(msgspec.Struct, frozen=True):
    step: int
    attempt: int
    path: str  # on storage that every node of the job sees
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
    failures: int  # attempts whose failure started in the script
    submitted_by: str  # "person:NAME"
    user: str  # the Unix user that its workers run as
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


class ApprovalView(msgspec.Struct, frozen=True):
    approved_by: str  # "person:NAME"
    approved_at: datetime
    expires_at: datetime  # steps that have not begun by then ask again


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
    approval: ApprovalView | None = None  # the newest


class IncidentView(msgspec.Struct, frozen=True):
    id: int
    finding: str  # the kind
    subject: str  # "node:n2" or "job:bytes-lm-1"
    reason: str
    message: str
    opened_at: datetime
    closed_at: datetime | None
    detail: dict[str, Any] = {}
    acked_by: str = ""  # "person:NAME" who has seen it
    acked_at: datetime | None = None
    note: str = ""  # of who acknowledged it
    runs: list[RunView] = []  # filled by the single-incident call


class PlaybookStepView(msgspec.Struct, frozen=True):
    action: str
    target: str  # node, jobs
    timeout_s: float


class PlaybookView(msgspec.Struct, frozen=True):
    name: str
    summary: str
    finding: str  # the kind that starts it
    mode: Mode  # its own
    steps: list[PlaybookStepView]


class PlaybookText(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A playbook to be checked. ``source`` is what messages call it; nothing is opened."""

    source: Annotated[str, msgspec.Meta(min_length=1, max_length=4096)]
    text: Annotated[str, msgspec.Meta(max_length=65_536)]


class PlaybookProblem(msgspec.Struct, frozen=True):
    """``line`` and ``column`` count from 1; 0 where no place can be told."""

    line: int
    column: int
    field: str
    message: str


class PlaybookCheck(msgspec.Struct, frozen=True):
    source: str
    problems: list[PlaybookProblem]
    playbook: PlaybookView | None = None  # when there is no problem


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


class OrderState(StrEnum):
    PENDING = "pending"  # no outcome yet
    DONE = "done"
    FAILED = "failed"
    REFUSED = "refused"
    EXPIRED = "expired"  # never left
    WITHDRAWN = "withdrawn"  # never left, and is no longer wanted


class OrderView(msgspec.Struct, frozen=True):
    """What a node was told to do. ``reason`` and ``message`` are of its outcome."""

    key: str
    node: str
    kind: str
    state: OrderState
    reason: str
    message: str
    asked_by: str  # "mainstay:PLAYBOOK" or "person:NAME"
    created_at: datetime
    sent_at: datetime | None
    expires_at: datetime | None
    ended_at: datetime | None


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
    protocol: str  # of the agents' link
    epoch: int  # grows with every start; an agent obeys no older one
    started_at: datetime
    database: str
    nodes_connected: int
    nodes: int  # retired ones are none
    jobs_active: int
    automation: AutomationView | None = None


class CordonRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``reason`` is shown wherever the hold is. After ``expires_s`` seconds it ends by itself; without, a person lifts
    it."""

    reason: Annotated[str, msgspec.Meta(min_length=1, max_length=500)]
    expires_s: Annotated[float, msgspec.Meta(gt=0)] | None = None


class DrainRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``reason`` is shown wherever the hold is."""

    reason: Annotated[str, msgspec.Meta(min_length=1, max_length=500)]


class DiagnoseRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``only`` names diagnostics; empty: all that the node has. ``peer`` is another node, for all_reduce. They are
    ended after ``deadline_s``. ``during_job`` runs them though a job is there: it will be disturbed."""

    only: list[Annotated[str, form(r"^[a-z][a-z0-9_]{0,39}" + END, "a diagnostic's name, such as gemm")]] = []
    peer: NodeName | None = None
    deadline_s: Annotated[float, msgspec.Meta(gt=0, le=3600)] = 120.0
    during_job: bool = False


Component = Annotated[str, msgspec.Meta(min_length=1, max_length=256)]


class ClearRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``type`` is a condition's, ``components`` those it names that are over; none: all of them. ``reason`` is kept in
    the node's history."""

    type: Annotated[str, form(r"^[A-Z][A-Za-z0-9]{0,63}" + END, "a type of condition, such as GpuRowRemapFailed")]
    reason: Annotated[str, msgspec.Meta(min_length=1, max_length=500)]
    components: Annotated[list[Component], msgspec.Meta(max_length=COMPONENTS)] = []


class RetireRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``reason`` is kept in its history. ``machine_is_off`` is the caller's word that nothing runs on the machine any
    more: its parts count as stopped."""

    reason: Annotated[str, msgspec.Meta(min_length=1, max_length=500)]
    machine_is_off: bool = False


class ApproveRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """It holds for steps that begin within ``expires_s`` seconds."""

    expires_s: Annotated[float, msgspec.Meta(gt=0, le=604_800)] = 3600.0


class WordRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``reason`` is why a person rejects or aborts a run."""

    reason: Annotated[str, msgspec.Meta(max_length=500)] = ""


class AckRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``note`` is a line for colleagues, shown with the incident."""

    note: Annotated[str, msgspec.Meta(max_length=500)] = ""


class JoinRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``node`` is the name that the join token was made for. ``csr`` is a certificate signing request, PEM; what it
    says about its subject is ignored."""

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
    """``kind`` is join, which lets one node join, or api, for an operator, a submitter or a program. ``name`` is whom
    it is for; of a join token, the node. ``user`` is the Unix user that an api token's jobs run as; without one it may
    not submit. After ``expires_s`` seconds it is worth nothing: a join token after 600 unless told and after a day at
    most, an api token never unless told.
    """

    kind: TokenKind
    name: Annotated[str, form(r"^[a-z0-9][a-z0-9.@_-]{0,62}" + END, "a name of small letters, digits and .@_-")]
    user: UserName | None = None
    expires_s: Annotated[float, msgspec.Meta(gt=0, le=31_536_000)] | None = None


class TokenResponse(msgspec.Struct, frozen=True):
    token: str  # shown once, stored as a hash
    ca_fingerprint: str  # "sha256:HEX"
    expires_at: datetime | None


class TokenView(msgspec.Struct, frozen=True):
    """A token without its secret. ``id`` begins the secret's SHA-256 and names the token for `token revoke`."""

    id: str
    kind: TokenKind
    name: str
    user: str | None
    created_by: str
    created_at: datetime
    used_at: datetime | None  # when it was used last, to the minute
    expires_at: datetime | None


class ErrorResponse(msgspec.Struct, frozen=True):
    """Every error of the API."""

    error: str  # one line that names the field and the mend
    reason: str  # a fixed word

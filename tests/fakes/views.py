"""A cluster as the API would show it at one fixed moment, for tests of screens: a node was lost, its job goes on."""

from datetime import UTC, datetime, timedelta

from msgspec.structs import replace

from wire.api import (
    AcceleratorKind,
    ApprovalView,
    AttemptPhase,
    AttemptView,
    AutomationView,
    CheckpointView,
    ControllerView,
    DecisionView,
    EventView,
    Health,
    HoldView,
    IncidentView,
    JobPhase,
    JobView,
    Mode,
    NodePhase,
    NodeView,
    OrderState,
    OrderView,
    PartView,
    PlaybookCheck,
    PlaybookStepView,
    PlaybookView,
    RunPhase,
    RunView,
    StepPhase,
    StepView,
    TokenKind,
    TokenView,
    WhyLink,
    WhyView,
)
from wire.conditions import Condition, Severity, Status

NOW = datetime(2026, 7, 1, 3, 0, tzinfo=UTC)


def ago(seconds: float) -> datetime:
    return NOW - timedelta(seconds=seconds)


# -- nodes

N1 = NodeView(
    name="n1",
    phase=NodePhase.READY,
    health=Health.HEALTHY,
    health_reason="",
    address="127.0.0.11",
    holds=[],
    jobs=["bytes-lm-1.2"],
    accelerators=8,
    cpus=96,
    memory_bytes=1024 * 1024**3,
    agent_version="0.1.0",
    last_contact_s=0.4,
    boot_id="b",
    joined_at=ago(3 * 86_400),
)
CONDITIONS = [
    Condition("CpuOverload", Status.FALSE, Severity.INFO, "ok", "load 1.5 on 8 cores", ago(60), 1, ago(-60)),
    Condition("DiskFull", Status.TRUE, Severity.CRITICAL, "full", "/: 0.1 of 252.0 GiB free", ago(30), 2, ago(-60)),
    Condition("NetworkErrors", Status.UNKNOWN, Severity.WARNING, "unread", "cannot be read", ago(90), 3, ago(-60)),
    Condition("MemoryPressure", Status.FALSE, Severity.INFO, "ok", "12 of 1024 GiB used", ago(900), 4, ago(1)),
]
GPUS = [f"GPU-{n:08x}-5c1e-4b7a-9d3f-0123456789ab" for n in range(12)]
SILENT = "sensor gpu_nvml gave no answer within 10 s"
GPU_CONDITIONS = [
    Condition(
        "GpuRowRemapFailed",
        Status.TRUE,
        Severity.CRITICAL,
        "row_remap_failed",
        "GPU 3 (0000:3b:00): a row remapping failed",
        ago(400),
        2,
        ago(-60),
        "drain, diagnose, exchange the GPU; then `mainstay node clear`",
        GPUS[3:4],
    ),
    Condition(
        "GpuHot",
        Status.TRUE,
        Severity.WARNING,
        "gpu_hot",
        "GPU 0 (0000:18:00): 88 C; GPU 1 (0000:2a:00): 87 C; and 10 more",
        ago(30),
        7,
        ago(-60),
        components=GPUS,
    ),
    Condition(
        "StorageServiceSlow",
        Status.UNKNOWN,
        Severity.WARNING,
        "no_answer",
        "scratch: no answer",
        ago(9),
        1,
        ago(-60),
        components=["scratch"],
    ),
    *(
        Condition(type_, Status.UNKNOWN, Severity.WARNING, "silent", SILENT, ago(9), 1, ago(-60), "", GPUS[:8])
        for type_ in ("GpuClockLow", "GpuDriver", "GpuEccUncorrected")
    ),
]
N2 = replace(
    N1,
    name="n2",
    phase=NodePhase.DRAINED,
    health=Health.LOST,
    health_reason="peers_failed",
    address="127.0.0.12",
    jobs=[],
    last_contact_s=None,
    holds=[
        HoldView(1, "mainstay:lost-node", "n2 is out of contact, and its peers' ranks failed", ago(200), run=1),
        HoldView(2, "person:ada", "fan", ago(5), NOW + timedelta(hours=2)),
    ],
    conditions=CONDITIONS,
)
N3 = replace(N1, name="n3", address="127.0.0.13", health=Health.DEGRADED, health_reason="DiskFull", last_contact_s=0.9)
N4 = replace(
    N1, name="n4", address="127.0.0.14", health=Health.SUSPECT, health_reason="link_broken", last_contact_s=7.0
)
N5 = replace(N1, name="n5", address="127.0.0.15", phase=NodePhase.DRAINING, health=Health.UNHEALTHY, jobs=["eval-7.1"])
N6 = replace(
    N1,
    name="n6",
    address="127.0.0.16",
    health=Health.UNHEALTHY,
    health_reason="GpuRowRemapFailed",
    conditions=[*CONDITIONS, *GPU_CONDITIONS],
    accelerator_kinds=[AcceleratorKind("NVIDIA H100 80GB HBM3", 80 * 1024**3, 8)],
)
NODES = [N1, N2, N3, N4, N5]

CLEARING = OrderView(
    key="clear_condition:12:n6",
    node="n6",
    kind="clear_condition",
    state=OrderState.PENDING,
    reason="",
    message="",
    asked_by="person:ada",
    created_at=ago(3),
    sent_at=ago(2),
    expires_at=NOW + timedelta(seconds=57),
    ended_at=None,
)
CLEARED = replace(
    CLEARING,
    state=OrderState.DONE,
    reason="ok",
    message="GpuRowRemapFailed is FALSE: all 8 well; GPU 0 (0000:18:00): no row remapping failed",
    ended_at=ago(1),
)
STILL_SO = replace(
    CLEARING,
    state=OrderState.FAILED,
    reason="checks_failed",
    message="GpuRowRemapFailed is TRUE, still so: GPU 3 (0000:3b:00): a row remapping failed",
    ended_at=ago(1),
)
NEVER_LEFT = replace(CLEARING, state=OrderState.EXPIRED, sent_at=None, expires_at=ago(5), ended_at=ago(5))
LONG_NODES = [
    replace(
        N1,
        name=f"gpu-{n:03}.rack-{n % 7:02}.hall-2.cluster.research.example.org",
        address="2001:db8:85a3:8d3:1319:8a2e:370:7348",
        health=Health.UNHEALTHY,
        health_reason="KernelLogReportsUncorrectableMemoryErrors",
        jobs=["a-training-job-whose-name-has-forty-chars-12.103"],
        holds=[
            HoldView(1, "mainstay:lost-node", "it burns", ago(9)),
            HoldView(2, "person:ada.lovelace", "fan", ago(9)),
        ],
        last_contact_s=86_400.0,
    )
    for n in (7, 8)
]

# -- jobs

ATTEMPT = AttemptView(
    number=1,
    phase=AttemptPhase.ENDED,
    parts=[PartView("n1", 0, "ended"), PartView("n2", 1, "ended")],
    created_at=ago(400),
    started_at=ago(390),
    first_step_at=ago(385),
    ended_at=ago(200),
    end_reason="node_lost",
    end_message="lost n2",
    resume_step=None,
    first_step=1,
    last_step=43,
    master_address="127.0.0.11",
    master_port=1,
)
SECOND = replace(
    ATTEMPT,
    number=2,
    phase=AttemptPhase.RUNNING,
    parts=[PartView("n1", 0, "running"), PartView("n4", 1, "running")],
    created_at=ago(199),
    ended_at=None,
    end_reason="",
    end_message="",
    resume_step=40,
    last_step=120,
)
JOB = JobView(
    id="bytes-lm-1",
    name="bytes-lm",
    phase=JobPhase.RUNNING,
    reason="",
    message="",
    nodes=["n1", "n4"],
    attempt=2,
    step=120,
    loss=2.3104,
    failures=0,
    submitted_by="person:admin",
    user="ada",
    created_at=ago(401),
    ended_at=None,
    checkpoint=CheckpointView(110, 2, "/srv/checkpoints/attempt-2/step-110.pt", ago(4)),
    attempts=[ATTEMPT, SECOND],
)
RECOVERING = replace(
    JOB,
    id="gpt-1",
    name="gpt",
    phase=JobPhase.RECOVERING,
    reason="waiting_for_nodes",
    message="2 of 16 nodes are missing: no spare is fit",
    step=81_300,
    loss=None,
    nodes=[f"gpu{n:02}" for n in range(1, 17)],
    attempt=7,
    created_at=ago(9 * 86_400),
)
FAILED = replace(
    JOB,
    id="eval-6",
    name="eval",
    phase=JobPhase.FAILED,
    reason="script_failed",
    message="rank 1 on n2: ValueError: [x]",
    ended_at=ago(9),
    attempts=[],
    checkpoint=None,
    failures=4,
    log_tail="Traceback\nValueError: [x]\n",
)
JOBS = [JOB, RECOVERING, FAILED]
LONG_JOB = replace(
    RECOVERING,
    id="a-training-job-whose-name-has-forty-chars-12",
    name="a-training-job-whose-name-has-forty-chars",
    step=123_456_789,
    loss=12345.678,
    attempt=103,
    message="no spare is fit: " + ", ".join(f"gpu-{n:03} is held by person:ada" for n in range(9)),
    nodes=[node.name for node in LONG_NODES],
    checkpoint=CheckpointView(123_456_700, 103, "/" + "/".join(["very-long-directory-name"] * 6), ago(4)),
    attempts=[
        replace(
            ATTEMPT,
            number=103,
            resume_step=123_456_700,
            last_step=123_456_789,
            end_message="rank 1733 on gpu-007: " + "NCCL error: unhandled system error " * 4,
            parts=[PartView(node.name, rank, "ended") for rank, node in enumerate(LONG_NODES)],
        )
    ],
)

# -- runs


def decision(action: str, target: str, verdict: str = "allow", reason: str = "ok", message: str = "") -> DecisionView:
    return DecisionView(1, NOW, "mainstay:lost-node", action, target, verdict, "limits", reason, message)


CAUSE = "n2 is out of contact, and its peers' ranks failed"
RUN = RunView(
    id=1,
    playbook="lost-node",
    subject="node:n2",
    phase=RunPhase.SUCCEEDED,
    reason="",
    message="",
    incident=1,
    created_at=ago(200),
    ended_at=ago(188),
    steps=[
        StepView("hold", "hold", "node:n2", StepPhase.DONE, "", "", ago(200), ago(200), decision("hold", "node:n2")),
        StepView("drain", "drain", "node:n2", StepPhase.DONE, "", "", ago(200), ago(199), decision("drain", "node:n2")),
        StepView(
            "relaunch_job",
            "relaunch_job",
            "job:bytes-lm-1.1",
            StepPhase.DONE,
            "",
            "",
            ago(199),
            ago(188),
            decision("relaunch_job", "job:bytes-lm-1.1"),
        ),
    ],
    cause=CAUSE,
)
WAITING = replace(
    RUN,
    id=2,
    subject="node:gpu-007.rack-00.hall-2.cluster.research.example.org",
    phase=RunPhase.WAITING,
    reason="breaker_open",
    message="9 of 16 nodes were lost at once: look at the network and at the controller first",
    ended_at=None,
    created_at=ago(95),
    steps=[
        StepView(
            "hold",
            "hold",
            "node:gpu-007.rack-00.hall-2.cluster.research.example.org",
            StepPhase.PENDING,
            "breaker_open",
            "9 of 16 nodes were lost at once: look at the network and at the controller first",
            None,
            None,
            decision("hold", "node:gpu-007", "wait", "breaker_open", "9 of 16 nodes were lost at once"),
        )
    ],
)
RUNS = [RUN, WAITING]

APPROVED = replace(
    WAITING,
    id=3,
    reason="automation_approve",
    message="automation asks for approval first",
    approval=ApprovalView("person:ada", ago(30), NOW + timedelta(minutes=59)),
)

# -- what people say, and what is theirs to say

AUTOMATION = AutomationView(Mode.AUTO, "person:ada", ago(86_400 * 3))
SHADOW = AutomationView(Mode.SHADOW, "mainstay:first-start", ago(86_400 * 9), {"hold": 4, "drain": 4, "rejoin": 12})
ASKING = AutomationView(Mode.APPROVE, "person:ada", ago(600), waiting=[2, 3, 17])
OFF = AutomationView(Mode.OFF, "person:ada.lovelace@research.example.org", ago(40))

INCIDENT = IncidentView(1, "node_lost", "node:n2", "peers_failed", CAUSE, opened_at=ago(200), closed_at=None)
ACKED = replace(
    INCIDENT,
    id=2,
    subject=WAITING.subject,
    acked_by="person:ada",
    acked_at=ago(20),
    note="its power supply is being changed, back by noon",
    runs=[WAITING, APPROVED],
)
CLOSED = replace(
    INCIDENT,
    id=3,
    finding="attempt_failed",
    subject="job:bytes-lm-1",
    message="attempt 1 of bytes-lm-1: its part on n1 failed: rank 0: SIGKILL",
    opened_at=ago(95),
    closed_at=ago(20),
)
INCIDENTS = [INCIDENT, ACKED, CLOSED]

LOST_NODE = PlaybookView(
    name="lost-node",
    summary="Hold the node, take it out of service, relaunch its jobs on a spare.",
    finding="node_lost",
    mode=Mode.AUTO,
    steps=[
        PlaybookStepView("hold", "node", 60),
        PlaybookStepView("drain", "node", 60),
        PlaybookStepView("relaunch_job", "jobs", 900),
    ],
)
PLAYBOOKS = [LOST_NODE, replace(LOST_NODE, name="returned-node", finding="node_returned", mode=Mode.SHADOW)]
CHECKS = [PlaybookCheck("/etc/mainstay/playbooks.d/lost-node-of-rack-7.yaml", [], LOST_NODE)]

TOKENS = [
    TokenView("7032ac2448b7", TokenKind.API, "admin", "ada", "mainstay:first-start", ago(86_400 * 9), ago(12), None),
    TokenView("77cc2c47a33e", TokenKind.JOIN, "n7", None, "person:admin", ago(30), None, NOW + timedelta(minutes=9)),
    TokenView(
        "a5c1f2d3e4b6",
        TokenKind.API,
        "continuous.integration@research.example.org",
        "svc-integration",
        "person:admin",
        ago(86_400 * 90),
        None,
        NOW + timedelta(days=275),
    ),
]

# -- events, and why

EVENTS = [
    EventView(31, ago(202), "node_contact", "suspect", "n2 is suspect", node="n2"),
    EventView(32, ago(201), "rank_failed", "peer", "RuntimeError", node="n1", job="bytes-lm-1", attempt=1),
    EventView(34, ago(200), "node_lost", "peers_failed", CAUSE, node="n2", job="bytes-lm-1", attempt=1),
    EventView(36, ago(200), "decision", "ok", "mainstay:lost-node hold node:n2: allow", node="n2", run=1),
    EventView(50, ago(199), "part_proven", "gang_rule", "n2: gang_rule", job="bytes-lm-1", attempt=1),
    EventView(64, ago(190), "first_step", "", "step 41", job="bytes-lm-1", attempt=2),
    EventView(68, ago(188), "run_phase", "succeeded", "lost-node is succeeded", node="n2", run=1),
    EventView(70, ago(4), "checkpoint_published", "", "step 110 of attempt 2", node="n4", job="bytes-lm-1", attempt=2),
]
LONG_EVENT = EventView(
    1_234_567,
    ago(3 * 86_400),
    "checkpoint_published",
    "",
    "step 123456700 of attempt 103 in /" + "very-long-directory-name/" * 4,
    node=LONG_NODES[0].name,
    job=LONG_JOB.id,
    attempt=103,
)
WHY_NODE = WhyView(
    "node:n2",
    f"n2 is drained and lost (peers_failed); held by mainstay:lost-node: {CAUSE}",
    [
        WhyLink(ago(3 * 86_400), "record", "n2 joined with a new certificate", "", "node_joined"),
        WhyLink(ago(202), "record", "n2 is suspect", "suspect", "node_contact"),
        WhyLink(ago(200), "detect", CAUSE, "peers_failed", "node_lost"),
        WhyLink(ago(200), "decide", "run 1 of playbook lost-node is proposed", "lost-node", "run_proposed"),
        WhyLink(ago(200), "decide", "lost-node may hold node:n2", "ok", "decision"),
        WhyLink(ago(200), "act", f"hold by mainstay:lost-node: {CAUSE}", "mainstay:lost-node", "hold_added"),
        WhyLink(ago(200), "act", "hold node:n2: done", "", "step_phase"),
        WhyLink(ago(200), "decide", "lost-node may drain node:n2", "ok", "decision"),
        WhyLink(ago(200), "act", "node is draining", "draining", "node_phase"),
        WhyLink(ago(200), "act", "drain node:n2: done", "", "step_phase"),
        WhyLink(ago(200), "decide", "lost-node may relaunch_job job:bytes-lm-1.1", "ok", "decision"),
        WhyLink(ago(199), "act", "node is drained", "drained", "node_phase"),
        WhyLink(ago(188), "act", "relaunch_job job:bytes-lm-1.1: done", "", "step_phase"),
        WhyLink(ago(188), "verify", "run 1: lost-node is succeeded", "succeeded", "run_phase"),
    ],
)
WHY_WAITING = replace(
    WHY_NODE,
    summary="n2 is ready and lost (peers_failed)",
    chain=[
        *WHY_NODE.chain[:4],
        WhyLink(ago(200), "decide", "lost-node must wait to hold node:n2 (breaker_open)", "breaker_open", "decision"),
    ],
)

WHY_JOB = WhyView(
    "job:bytes-lm-1",
    "bytes-lm-1 is cancelled; attempt 1 ended: node_lost, lost n2",
    [
        WhyLink(ago(202), "sense", "a rank on n1 failed: RuntimeError (peer)", "peer", "rank_failed"),
        WhyLink(ago(200), "detect", CAUSE, "peers_failed", "node_lost"),
        WhyLink(ago(200), "decide", "lost-node may relaunch_job job:bytes-lm-1.1", "ok", "decision"),
        WhyLink(ago(200), "account", f"job is recovering: {CAUSE}", "recovering", "job_phase"),
        WhyLink(ago(199), "report", "bytes-lm-1.1 on n1: stopping", "stopping", "part_stopping"),
        WhyLink(ago(198), "verify", "n2 is silent, and without the others no step is possible", "", "part_proven"),
        WhyLink(ago(190), "account", "job is running", "running", "job_phase"),
        WhyLink(ago(9), "decide", "person:ada may stop_job job:bytes-lm-1", "ok", "decision"),
        WhyLink(ago(4), "account", "job is cancelled", "cancelled", "job_phase"),
    ],
)

CONTROLLER = ControllerView(
    version="0.1.0",
    protocol="1.0",
    epoch=3,
    started_at=ago(7_300),
    database="sqlite:////var/lib/mainstay/mainstay.db",
    nodes_connected=4,
    nodes=5,
    jobs_active=2,
    automation=AutomationView(Mode.SHADOW, "", None, {"hold": 2, "drain": 1}, [2]),
)

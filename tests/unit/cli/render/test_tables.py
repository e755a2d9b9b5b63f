"""What the tables look like at 80 columns without colours."""

import io
from datetime import UTC, datetime, timedelta
from textwrap import dedent

import msgspec
import pytest
from rich.console import Console

from cli.render import job, node, run, why, words
from wire.api import (
    AttemptPhase,
    AttemptView,
    CheckpointView,
    DecisionView,
    Health,
    HoldView,
    JobPhase,
    JobView,
    NodePhase,
    NodeView,
    PartView,
    RunPhase,
    RunView,
    StepPhase,
    StepView,
    WhyLink,
    WhyView,
)
from wire.conditions import Condition, Severity, Status

NOW = datetime(2026, 7, 1, 3, 0, tzinfo=UTC)


def ago(seconds):
    return NOW - timedelta(seconds=seconds)


def shown(renderable, color=False):
    file = io.StringIO()
    console = Console(
        file=file, width=80, highlight=False, force_terminal=color, color_system="standard" if color else None
    )
    console.print(renderable)
    return "\n".join(line.rstrip() for line in file.getvalue().splitlines()).strip("\n")


def text(block):
    return dedent(block).strip("\n")


N1 = NodeView(
    name="n1",
    phase=NodePhase.READY,
    health=Health.HEALTHY,
    health_reason="",
    address="127.0.0.11",
    holds=[],
    jobs=["bytes-lm-1.2"],
    accelerators=1,
    cpus=8,
    memory_bytes=16 * 1024**3,
    agent_version="0.1.0",
    last_contact_s=0.4,
    boot_id="b",
    joined_at=ago(3 * 86_400),
)
N2 = msgspec.structs.replace(
    N1,
    name="n2",
    phase=NodePhase.DRAINED,
    health=Health.LOST,
    health_reason="peers_failed",
    jobs=[],
    last_contact_s=None,
    holds=[
        HoldView(1, "mainstay:lost-node", "n2 is out of contact, and its peers' ranks failed", ago(200), run=1),
        HoldView(2, "person:ada", "fan", ago(5), NOW + timedelta(hours=2)),
    ],
)
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
SECOND = msgspec.structs.replace(
    ATTEMPT, number=2, phase=AttemptPhase.RUNNING, created_at=ago(199), ended_at=None, end_reason="", end_message="",
    resume_step=40, last_step=120,
)  # fmt: skip
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


def test_node_list():
    assert shown(node.nodes([N1, N2])) == text(
        """
        NAME  PHASE    HEALTH   HOLDS  CONTACT  ADDRESS     RUNS
        n1    ready    healthy  0      0s       127.0.0.11  bytes-lm-1.2
        n2    drained  lost     2      -        127.0.0.11  -
        """
    )


def test_node_show_has_holds_and_conditions_faults_first():
    conditions = [
        Condition("CpuOverload", Status.FALSE, Severity.INFO, "ok", "load 1.5 on 8 cores", ago(60), 1, NOW),
        Condition("DiskFull", Status.TRUE, Severity.CRITICAL, "full", "/: 0.1 of 252.0 GiB free", ago(30), 2, NOW),
    ]
    assert shown(node.node(msgspec.structs.replace(N2, conditions=conditions), NOW)) == text(
        """
        n2  drained  lost (peers_failed)
        runs     nothing
        contact  -
        address  127.0.0.11
        machine  8 CPUs, 16.0 GiB, 1 accelerator
        joined   3d ago, agent 0.1.0

        HELD BY             AGE  UNTIL   REASON
        mainstay:lost-node  3m   lifted  n2 is out of contact, and its peers' ranks
                                         failed
        person:ada          5s   2h      fan

        CONDITION    STATUS  SEVERITY  AGE  MESSAGE
        DiskFull     TRUE    critical  30s  /: 0.1 of 252.0 GiB free
        CpuOverload  FALSE   info      60s  load 1.5 on 8 cores
        """
    )


def test_job_list():
    waiting = msgspec.structs.replace(
        JOB, id="gpt-1", phase=JobPhase.RECOVERING, reason="no_spare", step=None, loss=None, nodes=[]
    )
    assert shown(job.jobs([JOB, waiting], NOW)) == text(
        """
        ID          PHASE       STEP  LOSS   ATTEMPT  AGE  NODES   REASON
        bytes-lm-1  running     120   2.310  2        6m   n1, n4  -
        gpt-1       recovering  -     -      2        6m   -       no_spare
        """
    )


def test_job_show_has_how_each_attempt_ended():
    assert shown(job.job(JOB, NOW)) == text(
        """
        bytes-lm-1  running
        nodes       n1, n4
        step        120, loss 2.310
        checkpoint  step 110 of attempt 2, 4s ago
                    /srv/checkpoints/attempt-2/step-110.pt
        submitted   6m ago by person:admin, runs as ada

        ATTEMPT  PHASE    STEPS   LASTED  NODES   ENDED BECAUSE
        1        ended    0→43    3m      n1, n2  node_lost: lost n2
        2        running  40→120  3m      n1, n2  -
        """
    )


def test_job_show_of_a_failed_one_ends_with_its_log():
    failed = msgspec.structs.replace(
        JOB, phase=JobPhase.FAILED, reason="script_failed", message="rank 1 on n2: ValueError: [x]", ended_at=ago(9),
        attempts=[], checkpoint=None, failures=4, log_tail="Traceback\nValueError: [x]\n",
    )  # fmt: skip
    assert shown(job.job(failed, NOW)) == text(
        """
        bytes-lm-1  failed  script_failed: rank 1 on n2: ValueError: [x]
        nodes      n1, n4
        step       120, loss 2.310
        failures   4, that began in the script
        submitted  6m ago by person:admin, runs as ada
        ended      9s ago

        last lines of the rank that failed first:
        Traceback
        ValueError: [x]
        """
    )


RUN = RunView(1, "lost-node", "node:n2", RunPhase.SUCCEEDED, "", "", 1, ago(200), ago(188))


def test_run_list():
    assert shown(run.runs([RUN], NOW)) == text(
        """
        ID  PLAYBOOK   SUBJECT  PHASE      AGE  TOOK  REASON
        1   lost-node  node:n2  succeeded  3m   12s   -
        """
    )


def test_run_show_has_the_decision_behind_each_step():
    decision = DecisionView(
        1, NOW, "mainstay:lost-node", "hold", "node:n2", "refuse", "limits", "breaker_open", "3 of 4"
    )
    steps = [
        StepView("hold", "hold", "node:n2", StepPhase.DONE, "", "", ago(200), ago(200), decision),
        StepView("drain", "drain", "node:n2", StepPhase.PENDING, "waiting", "for the hold", None, None),
    ]
    assert shown(run.run(msgspec.structs.replace(RUN, steps=steps), NOW)) == text(
        """
        run 1  lost-node on node:n2  succeeded
        began     3m ago
        took      12s
        incident  1

        ACTION  TARGET   PHASE    TOOK  DECISION              REASON
        hold    node:n2  done     0s    refuse: breaker_open  -
        drain   node:n2  pending  -     -                     waiting: for the hold
        """
    )


def test_why_is_one_line_a_link():
    view = WhyView(
        "node:n2",
        "n2 is drained and lost (peers_failed)",
        [
            WhyLink(ago(205), "detect", "n2 is out of contact, and its peers' ranks failed"),
            WhyLink(ago(5), "decide", "mainstay:lost-node hold node:n2: allow"),
        ],
    )
    assert shown(why.why(view, NOW)) == text(
        """
        n2 is drained and lost (peers_failed)

        AGO  STAGE   WHAT
        3m   detect  n2 is out of contact, and its peers' ranks failed
        5s   decide  mainstay:lost-node hold node:n2: allow
        """
    )


@pytest.mark.parametrize(
    "rendered", [node.nodes([]), job.jobs([], NOW), run.runs([], NOW), why.why(WhyView("node:n1", "n1", []), NOW)]
)
def test_nothing_is_said_in_words(rendered):
    assert shown(rendered)


def test_no_line_is_wider_than_80_columns_and_no_name_is_cut():
    name = "a-very-long-name-for-a-training-job-of-40"
    long = msgspec.structs.replace(
        JOB, id=f"{name}-1", reason="waiting_for_a_spare", nodes=[f"node-{n}" for n in range(6)]
    )
    lines = shown(job.jobs([long], NOW)).splitlines()
    assert max(map(len, lines)) <= 80
    assert "".join(line.split(" ")[0] for line in lines[1:]) == f"{name}-1"


def test_colours_tell_the_meaning():
    assert "\x1b[32mready" in shown(words.phase(NodePhase.READY), color=True)
    assert "\x1b[31mlost" in shown(words.phase(Health.LOST), color=True)
    assert "\x1b" not in shown(words.phase(Health.LOST))


@pytest.mark.parametrize(
    ("seconds", "word"),
    [(-3, "0s"), (12, "12s"), (119, "119s"), (180, "3m"), (7_199, "119m"), (7_200, "2h"), (200_000, "2d")],
)
def test_ages(seconds, word):
    assert words.duration(seconds) == word

"""Claims are checked against the controller's real schema."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import create_engine
from sqlalchemy.orm import Session

from cli.demo.checks import Recovery, check
from cli.demo.job_log import JobLog
from controller.state.models import Attempt, Base, Checkpoint, Decision, Hold, Incident, Job, Node, Part, Run, Step

NOW = datetime(2026, 7, 1, tzinfo=UTC)
GOOD = Recovery("j-1", "n2", 1, 2, JobLog([1, 2, 3]), JobLog([3, 4, 5], "/c/step-2.pt", 2))


def at(seconds):
    return NOW + timedelta(seconds=seconds)


@pytest.fixture
def rows():
    """A recovery as it should be: n2 lost, n4 its spare, step 2 published, n2 back."""
    named = {
        "checkpoint": Checkpoint(job="j-1", step=2, attempt=1, path="/c/step-2.pt", published_at=at(2)),
        "before": Attempt(job="j-1", number=1, phase="ended", decision=1, created_at=at(0), end_reason="node_lost"),
        "after": Attempt(
            job="j-1", number=2, phase="running", decision=1, created_at=at(9), resume_step=2, first_step=3
        ),
        "node": Node(name="n2", phase="ready", phase_since=NOW, address="a", fingerprint="f", joined_at=NOW),
        "hold": Hold(node="n2", owner="mainstay:lost-node", reason="lost", created_at=at(8), lifted_at=at(20)),
        "proof": Part(job="j-1", attempt=1, node="n2", node_rank=1, boot_id="", state="", proof="gang_rule"),
        "validation": Step(run=1, index=1, name="", action="validate", target="", phase="done", spec={}),
    }
    others = [
        Node(name=name, phase="ready", phase_since=NOW, address="a", fingerprint="f", joined_at=NOW)
        for name in ("n1", "n4")
    ]
    others += [
        Decision(at=NOW, actor="", action="", target="", verdict="", stage="", reason="", message=""),
        Job(id="j-1", name="j", spec={}, submitted_by="", user="", decision=1, phase="running", created_at=NOW),
        Incident(key="k", finding="", subject="node:n2", reason="", message="", detail={}, opened_at=NOW),
        Part(job="j-1", attempt=1, node="n1", node_rank=0, boot_id="", state="", proof="reported_ended"),
        Part(job="j-1", attempt=2, node="n1", node_rank=0, boot_id="", state=""),
        Part(job="j-1", attempt=2, node="n4", node_rank=1, boot_id="", state=""),
        Run(playbook="returned-node", incident=1, subject="node:n2", phase="succeeded", epoch=1, created_at=at(15)),
    ]
    return named, others


def failing(tmp_path, rows, recovery=GOOD):
    """The claims that do not hold."""
    named, others = rows
    path = tmp_path / "controller.db"
    engine = create_engine(f"sqlite:///{path}")
    Base.metadata.create_all(engine)
    with Session(engine) as session:
        session.add_all([*others, *named.values()])
        session.commit()
    engine.dispose()
    return [claim.text for claim in check(path, recovery) if not claim.holds]


def test_a_recovery_as_it_should_be_holds(tmp_path, rows):
    assert failing(tmp_path, rows) == []


@pytest.mark.parametrize(
    ("name", "field", "value", "claim"),
    [
        ("before", "phase", "stopping", "attempt 1 is over"),
        ("proof", "proof", "", "each part of attempt 1 is proven stopped"),
        ("after", "resume_step", 1, "resumed from the last published checkpoint"),
        ("checkpoint", "refused", "superseded", "resumed from the last published checkpoint"),
        ("checkpoint", "published_at", at(10), "resumed from the last published checkpoint"),
        ("after", "first_step", 4, "the first new step is the next one"),
        ("node", "phase", "validating", "n2 is ready and held by nobody"),
        ("hold", "lifted_at", None, "n2 is ready and held by nobody"),
        ("validation", "phase", "failed", "n2 was validated before it rejoined"),
    ],
)
def test_what_the_database_does_not_bear_out_is_named(tmp_path, rows, name, field, value, claim):
    setattr(rows[0][name], field, value)
    assert claim in failing(tmp_path, rows)


def test_a_smaller_world_is_named(tmp_path, rows):
    rows[1].pop()  # the run; the new attempt's last part is before it
    rows[1].pop()
    rows[0].pop("validation")
    assert "the same world size" in failing(tmp_path, rows)


@pytest.mark.parametrize(
    ("log", "claim"),
    [
        (JobLog([3, 5], "/c/step-2.pt", 2), "steps go on without a gap"),
        (JobLog([4, 5], "/c/step-2.pt", 2), "the first new step is the next one"),
        (JobLog([3, 4], "/c/step-1.pt", 1), "resumed from the last published checkpoint"),
        (JobLog([]), "the first new step is the next one"),
    ],
)
def test_what_the_log_does_not_bear_out_is_named(tmp_path, rows, log, claim):
    recovery = Recovery("j-1", "n2", 1, 2, GOOD.log_before, log)
    assert claim in failing(tmp_path, rows, recovery)


def test_the_database_is_never_written(tmp_path, rows):
    failing(tmp_path, rows)
    path = tmp_path / "controller.db"
    path.chmod(0o400)
    before = path.read_bytes()
    check(path, GOOD)
    assert path.read_bytes() == before

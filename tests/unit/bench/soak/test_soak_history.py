"""Claims about the database are checked against the controller's real schema."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import create_engine
from sqlalchemy.orm import Session

from bench.soak.history import progress, time_line, violations
from controller.state.models import (
    Attempt,
    Base,
    Checkpoint,
    Decision,
    Event,
    Incident,
    Job,
    Node,
    OrderRow,
    Part,
    Run,
    Step,
)

NOW = datetime(2026, 7, 1, tzinfo=UTC)
OK = {"actor": "a", "action": "b", "target": "c", "verdict": "allow", "stage": "fenced", "reason": "ok", "message": ""}


def at(seconds):
    return NOW + timedelta(seconds=seconds)


@pytest.fixture
def rows():
    """Two attempts of a job, the first lost, the second stopped: everything as it should be."""
    over = {"job": "j-1", "phase": "ended", "decision": 1}
    return {
        "decision": Decision(at=NOW, **OK),
        "node": Node(name="n1", phase="ready", phase_since=NOW, address="a", fingerprint="f", joined_at=NOW),
        "job": Job(
            id="j-1", name="j", spec={}, submitted_by="", user="", decision=1, phase="cancelled", created_at=NOW
        ),
        "first": Attempt(number=1, created_at=at(0), ended_at=at(9), end_reason="node_lost", first_step=1, **over),
        "second": Attempt(
            number=2, created_at=at(9), ended_at=at(20), end_reason="stopped", resume_step=4, first_step=5, **over
        ),
        "part": Part(job="j-1", attempt=1, node="n1", node_rank=0, boot_id="", state="", proof="gang_rule"),
        "saved": Checkpoint(job="j-1", step=4, attempt=1, path="/4", published_at=at(5)),
        "newer": Checkpoint(job="j-1", step=8, attempt=2, path="/8", published_at=at(12)),
        "incident": Incident(
            key="k", finding="lost", subject="node:n1", reason="", message="", detail={}, opened_at=NOW, closed_at=at(9)
        ),
        "run": Run(
            playbook="p", incident=1, subject="node:n1", phase="succeeded", epoch=1, created_at=NOW, ended_at=at(9)
        ),
        "step": Step(run=1, index=0, name="", action="", target="", phase="done", spec={}),
        "order": OrderRow(
            key="k", node="n1", kind="stop", payload=b"", decision=1, epoch=1, state="done", created_at=NOW
        ),
    }


@pytest.fixture
def database(tmp_path, rows):
    """Writes the rows at the moment it is asked."""
    path = tmp_path / "controller.db"

    def written():
        engine = create_engine(f"sqlite:///{path}")
        Base.metadata.create_all(engine)
        with Session(engine) as session:
            session.add_all([*rows.values(), Event(at=at(3), kind="node_contact", node="n1", message="is silent")])
            session.commit()
        engine.dispose()
        return path

    return written


def test_a_history_as_it_should_be_is_clean(database):
    assert violations(database()) == []


@pytest.mark.parametrize(
    ("name", "field", "value", "claim"),
    [
        ("decision", "reason", "", "a decision without reason"),
        ("run", "phase", "running", "a run that does not end"),
        ("run", "ended_at", None, "a run that does not end"),
        ("step", "phase", "claimed", "a step that does not end"),
        ("incident", "closed_at", None, "an incident that stays open"),
        ("order", "state", "pending", "an order without an answer"),
        ("job", "failures", 1, "a failure counted against the script"),
        ("second", "phase", "stopping", "an attempt that does not end"),
        ("second", "end_reason", "", "an attempt that does not end"),
        ("part", "proof", "", "an ended part without proof"),
        ("first", "ended_at", at(10), "attempts side by side"),
        ("second", "first_step", 6, "an attempt that goes on from the wrong step"),
        ("saved", "step", 5, "an attempt that does not go on from the newest checkpoint"),
        ("saved", "refused", "superseded", "an attempt that does not go on from the newest checkpoint"),
        ("newer", "step", 3, "the history's step counter goes back"),
        ("saved", "published_at", at(15), "a late publication that counts"),
        ("step", "run", 9, "the database's integrity"),
    ],
)
def test_what_must_not_be_is_named(database, rows, name, field, value, claim):
    setattr(rows[name], field, value)
    assert claim in [violation.claim for violation in violations(database())]


def test_the_time_line_tells_what_happened_between_two_moments(database):
    path = database()
    assert time_line(path, at(2).timestamp(), at(4).timestamp()) == [(at(3).timestamp(), "node_contact is silent n1")]
    assert time_line(path, at(4).timestamp(), at(9).timestamp()) == []


def test_progress_is_the_newest_attempt_that_made_a_step(database, rows):
    rows["first"].last_step, rows["second"].last_step = 6, 9
    assert progress(database()) == {"j-1": (2, 9)}

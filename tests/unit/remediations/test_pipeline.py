"""Every stage of the pipeline: what it lets pass, what it stops, and by which name."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from remediations.pipeline import Proposal, RulingReason, Situation, Verdict, decide
from remediations.pipeline.situation import Disturbs, JobSituation, Mode, NodeSituation
from wire.api import JobPhase

NOW = datetime(2026, 1, 1, tzinfo=UTC)
RELAUNCH = Proposal(
    "mainstay:lost-node", "relaunch_job", Disturbs.JOB, node="n2", job="lm-1", attempt=1, run=7, about_loss=True
)
REJOIN = Proposal("mainstay:returned-node", "rejoin", Disturbs.NOTHING, node="n2", run=8, about_return=True)
REBOOT = Proposal("mainstay:sick", "reboot", Disturbs.NODE, node="n2", run=9)
STOP = Proposal("person:ann", "stop_job", Disturbs.JOB, job="lm-1")
JOB = JobSituation(JobPhase.RUNNING, attempt=1, attempt_stopping=False, attempt_alive=False, stop_asked=False)
NODE = NodeSituation(connected=False, lost=True, person_holds=[], hold_file=False)
HERE = NodeSituation(connected=True, lost=True, person_holds=[], hold_file=False)


def situation(job=JOB, node=NODE, **fields):
    return Situation(now=NOW, job=job, node=node, in_service=8, **fields)


def but(struct, **fields):
    return msgspec.structs.replace(struct, **fields)


CASES = [
    ("all is well", RELAUNCH, situation(), Verdict.ALLOW, "fenced", RulingReason.OK),
    ("expired", but(RELAUNCH, expires_at=NOW - timedelta(seconds=1)), situation(), Verdict.REFUSE, "stale",
     RulingReason.FINDING_EXPIRED),
    ("job over", RELAUNCH, situation(but(JOB, phase=JobPhase.FAILED)), Verdict.REFUSE, "stale", RulingReason.JOB_ENDED),
    ("newer attempt", RELAUNCH, situation(but(JOB, attempt=2)), Verdict.REFUSE, "stale",
     RulingReason.ATTEMPT_SUPERSEDED),
    ("node is back", RELAUNCH, situation(but(JOB, attempt_alive=True), HERE), Verdict.REFUSE, "stale",
     RulingReason.NODE_CAME_BACK),
    ("back, but its peers failed", RELAUNCH, situation(node=HERE), Verdict.ALLOW, "fenced", RulingReason.OK),
    ("gone again", REJOIN, situation(None), Verdict.REFUSE, "stale", RulingReason.NODE_GONE_AGAIN),
    ("in service already", REJOIN, situation(None, but(HERE, lost=False)), Verdict.REFUSE, "stale",
     RulingReason.NODE_IN_SERVICE),
    ("recovering already", RELAUNCH, situation(but(JOB, attempt_stopping=True)), Verdict.REFUSE, "duplicate",
     RulingReason.ALREADY_RECOVERING),
    ("another run is at it", REJOIN, situation(None, HERE, earlier_runs=[3]), Verdict.WAIT, "duplicate",
     RulingReason.RUN_IN_PROGRESS),
    ("asked twice", STOP, situation(but(JOB, stop_asked=True), None), Verdict.REFUSE, "duplicate",
     RulingReason.ALREADY_STOPPING),
    ("hold file", REBOOT, situation(None, but(NODE, hold_file=True)), Verdict.WAIT, "silenced", RulingReason.HOLD_FILE),
    ("a person stopped the job", RELAUNCH, situation(but(JOB, stop_asked=True)), Verdict.REFUSE, "person",
     RulingReason.PERSON_STOPPED_JOB),
    ("a person holds the node", REBOOT, situation(None, but(NODE, person_holds=["fan"])), Verdict.WAIT, "person",
     RulingReason.HELD_BY_PERSON),
    ("a person's cordon does not keep a job down", RELAUNCH, situation(node=but(NODE, person_holds=["fan"])),
     Verdict.ALLOW, "fenced", RulingReason.OK),
    ("breaker", RELAUNCH, situation(lost_at_once=5), Verdict.WAIT, "limits", RulingReason.BREAKER_OPEN),
    ("half the fleet is not more than half", RELAUNCH, situation(lost_at_once=4), Verdict.ALLOW, "fenced",
     RulingReason.OK),
    ("few nodes open no breaker", RELAUNCH, situation(lost_at_once=2, breaker_share=0.1), Verdict.ALLOW, "fenced",
     RulingReason.OK),
    ("the breaker does not bind a person", STOP, situation(node=None, lost_at_once=8), Verdict.ALLOW, "fenced",
     RulingReason.OK),
    ("off", but(RELAUNCH, mode=Mode.OFF), situation(), Verdict.REFUSE, "approved", RulingReason.PLAYBOOK_OFF),
    ("shadow", but(RELAUNCH, mode=Mode.SHADOW), situation(), Verdict.SHADOW, "approved", RulingReason.SHADOW_MODE),
    ("approval", but(RELAUNCH, mode=Mode.APPROVE), situation(), Verdict.WAIT, "approved", RulingReason.NEEDS_APPROVAL),
    ("no proof", RELAUNCH, situation(but(JOB, unprovable=["n2"])), Verdict.WAIT, "fenced",
     RulingReason.NO_PROOF_OF_STOP),
]  # fmt: skip


@pytest.mark.parametrize(("name", "proposal", "facts", "verdict", "stage", "reason"), CASES, ids=[c[0] for c in CASES])
def test_ruling(name, proposal, facts, verdict, stage, reason):
    ruling = decide(proposal, facts)
    assert (ruling.verdict, ruling.stage, ruling.reason) == (verdict, stage, reason)


def test_a_refusal_for_want_of_proof_names_the_node_it_waits_for():
    ruling = decide(RELAUNCH, situation(but(JOB, unprovable=["n2"])))
    assert "n2" in ruling.message

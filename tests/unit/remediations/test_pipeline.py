"""Every stage of the pipeline: what it lets pass, what it stops, and by which name."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from remediations.actions import catalogue, serves_relaunch
from remediations.pipeline import Proposal, RulingReason, Situation, Verdict, decide
from remediations.pipeline.situation import Disturbs, JobSituation, NodeSituation
from remediations.word import Word, weigh
from wire.api import JobPhase, Mode, RunPhase

NOW = datetime(2026, 1, 1, tzinfo=UTC)
RELAUNCH = Proposal(
    "mainstay:lost-node", "relaunch_job", Disturbs.JOB, node="n2", job="lm-1", attempt=1, run=7, about_loss=True
)
REJOIN = Proposal("mainstay:returned-node", "rejoin", Disturbs.NOTHING, node="n2", run=8, about_return=True)
REBOOT = Proposal("mainstay:sick", "reboot", Disturbs.NODE, node="n2", run=9)
RETIRE = Proposal("person:ann", "retire", Disturbs.CAPACITY, node="n2")
HOLD = Proposal("mainstay:lost-node", "hold", Disturbs.CAPACITY, node="n2", run=7, about_loss=True)
DIAGNOSE = Proposal("mainstay:diagnostics", "run_diagnostics", Disturbs.NOTHING, node="n2", run=10)
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
    ("put right, and held by automation", REJOIN, situation(None, but(HERE, lost=False, held_by_automation=True)),
     Verdict.ALLOW, "fenced", RulingReason.OK),
    ("an idle node is measured", DIAGNOSE, situation(None, HERE), Verdict.ALLOW, "fenced", RulingReason.OK),
    ("a busy one is not", DIAGNOSE, situation(None, but(HERE, parts=["lm-1.1"])), Verdict.REFUSE, "fenced",
     RulingReason.NODE_BUSY),
    ("unless a person wants it", but(DIAGNOSE, actor="person:ann", during_job=True),
     situation(None, but(HERE, parts=["lm-1.1"])), Verdict.ALLOW, "fenced", RulingReason.OK),
    ("one on its way back is asked itself", but(DIAGNOSE, about_return=True),
     situation(None, but(HERE, parts=["lm-1.1"])), Verdict.ALLOW, "fenced", RulingReason.OK),
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
    ("the ceiling is off", RELAUNCH, situation(ceiling=Mode.OFF), Verdict.WAIT, "approved",
     RulingReason.AUTOMATION_OFF),
    ("the ceiling is shadow", HOLD, situation(None, ceiling=Mode.SHADOW), Verdict.SHADOW, "approved",
     RulingReason.AUTOMATION_SHADOW),
    ("the ceiling asks", HOLD, situation(None, ceiling=Mode.APPROVE), Verdict.WAIT, "approved",
     RulingReason.AUTOMATION_APPROVE),
    ("the playbook is lower than the ceiling", but(HOLD, mode=Mode.SHADOW), situation(None, ceiling=Mode.APPROVE),
     Verdict.SHADOW, "approved", RulingReason.SHADOW_MODE),
    ("the ceiling is lower than the playbook", but(HOLD, mode=Mode.APPROVE), situation(None, ceiling=Mode.SHADOW),
     Verdict.SHADOW, "approved", RulingReason.AUTOMATION_SHADOW),
    ("a playbook that is off stays off", but(HOLD, mode=Mode.OFF), situation(None, ceiling=Mode.OFF),
     Verdict.REFUSE, "approved", RulingReason.PLAYBOOK_OFF),
    ("a relaunch is done in shadow", but(RELAUNCH, serves_relaunch=True), situation(ceiling=Mode.SHADOW),
     Verdict.ALLOW, "fenced", RulingReason.OK),
    ("a relaunch is done without approval", but(RELAUNCH, serves_relaunch=True), situation(ceiling=Mode.APPROVE),
     Verdict.ALLOW, "fenced", RulingReason.OK),
    ("off stops a relaunch too", but(RELAUNCH, serves_relaunch=True), situation(ceiling=Mode.OFF), Verdict.WAIT,
     "approved", RulingReason.AUTOMATION_OFF),
    ("a playbook's own shadow holds a relaunch back", but(RELAUNCH, serves_relaunch=True, mode=Mode.SHADOW),
     situation(ceiling=Mode.AUTO), Verdict.SHADOW, "approved", RulingReason.SHADOW_MODE),
    ("approved", HOLD, situation(None, ceiling=Mode.APPROVE, approved_until=NOW + timedelta(seconds=1)),
     Verdict.ALLOW, "fenced", RulingReason.OK),
    ("approved by the playbook's own mode", but(HOLD, mode=Mode.APPROVE),
     situation(None, approved_until=NOW + timedelta(seconds=1)), Verdict.ALLOW, "fenced", RulingReason.OK),
    ("approved too long ago", HOLD, situation(None, ceiling=Mode.APPROVE, approved_until=NOW), Verdict.WAIT,
     "approved", RulingReason.AUTOMATION_APPROVE),
    ("an approval lifts no shadow", HOLD, situation(None, ceiling=Mode.SHADOW, approved_until=NOW + timedelta(1)),
     Verdict.SHADOW, "approved", RulingReason.AUTOMATION_SHADOW),
    ("no mode binds a person", STOP, situation(node=None, ceiling=Mode.OFF), Verdict.ALLOW, "fenced",
     RulingReason.OK),
    ("retired", REJOIN, situation(None, but(HERE, retired=True)), Verdict.REFUSE, "stale", RulingReason.NODE_RETIRED),
    ("a retired node does not keep a job down", RELAUNCH, situation(node=but(NODE, retired=True)), Verdict.ALLOW,
     "fenced", RulingReason.OK),
    ("retired already", RETIRE, situation(None, but(NODE, retired=True)), Verdict.REFUSE, "duplicate",
     RulingReason.NODE_RETIRED),
    ("retire", RETIRE, situation(None), Verdict.ALLOW, "fenced", RulingReason.OK),
    ("retire what runs", RETIRE, situation(None, but(NODE, parts=["lm-1.1"])), Verdict.REFUSE, "fenced",
     RulingReason.NODE_BUSY),
    ("retire what is off", but(RETIRE, vouched=True), situation(None, but(NODE, parts=["lm-1.1"])), Verdict.ALLOW,
     "fenced", RulingReason.OK),
    ("retire what is said to be off and answers", but(RETIRE, vouched=True),
     situation(None, but(HERE, parts=["lm-1.1"])), Verdict.REFUSE, "fenced", RulingReason.NODE_IN_CONTACT),
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


def test_only_actions_that_say_so_are_done_below_shadow():
    assert {name for name in catalogue() if serves_relaunch(name)} == {"relaunch_job", "stop_leftovers"}


@pytest.mark.parametrize(
    ("word", "phase", "reason", "expected"),
    [
        (Word.APPROVE, RunPhase.WAITING, "automation_approve", RulingReason.OK),
        (Word.APPROVE, RunPhase.WAITING, "needs_approval", RulingReason.OK),
        (Word.APPROVE, RunPhase.WAITING, "breaker_open", RulingReason.RUN_NOT_WAITING),
        (Word.REJECT, RunPhase.RUNNING, "", RulingReason.RUN_NOT_WAITING),
        (Word.ABORT, RunPhase.RUNNING, "", RulingReason.OK),
        (Word.ABORT, RunPhase.PROPOSED, "", RulingReason.OK),
        (Word.ABORT, RunPhase.SUCCEEDED, "", RulingReason.RUN_ENDED),
        (Word.REJECT, RunPhase.SHADOW, "automation_shadow", RulingReason.RUN_ENDED),
    ],
)
def test_a_persons_word_about_a_run(word, phase, reason, expected):
    assert weigh(word, 7, phase, reason).reason == expected

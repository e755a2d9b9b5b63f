"""The automation mode as a ceiling: what goes on below it, what waits, what is only recorded, and what a person's word
about a run does."""

from datetime import timedelta

import pytest
from fakes.simulated_cluster import SimulatedCluster, job_spec

from controller.state import automation
from remediations.operator import RulingAgainst
from wire.api import Health, JobPhase, Mode, NodePhase, RunPhase, StepPhase
from wire.attempts import End, FailureKind, PartState

HOUR = timedelta(hours=1)


@pytest.fixture
def cluster(tmp_path):
    made = SimulatedCluster(tmp_path, names=4, mode=Mode.SHADOW)
    yield made
    made.store.close()


def running_job(cluster, spec=None):
    job = cluster.submit(spec or job_spec())
    cluster.run(1)
    cluster.train(job, 1, to=12, checkpoint=10)
    return job


def lose(cluster, job, name="n2", silent=False):
    """A node of the job's first attempt goes, and its peers' ranks fail."""
    if silent:
        cluster.nodes[name].silent = True
    else:
        cluster.nodes[name].die()
    for peer in cluster.job(job).nodes:
        if peer != name:
            cluster.nodes[peer].fail((job, 1), FailureKind.PEER)
    cluster.run(6)


def set_mode(cluster, mode):
    cluster.operate().set_automation(mode)
    cluster.run(3)


def shown(cluster):
    return cluster.store.transact(automation.view)


def in_service(cluster, name):
    node = cluster.node(name)
    return (node.phase, node.health, node.holds) == (NodePhase.READY, Health.HEALTHY, [])


def steps(cluster, run):
    from controller.state import views

    view = cluster.store.transact(lambda s: views.run_view(s, run))
    return {step.action: (step.phase, step.reason) for step in view.steps}


# -- shadow


def test_in_shadow_a_job_comes_back_and_the_lost_node_is_neither_held_nor_drained(cluster):
    job = running_job(cluster)
    lose(cluster, job)
    cluster.train(job, 2, to=11)
    view, node = cluster.job(job), cluster.node("n2")
    assert (view.phase, view.attempt, view.nodes) == (JobPhase.RUNNING, 2, ["n1", "n3", "n4"])
    assert (node.phase, node.health, node.holds) == (NodePhase.READY, Health.LOST, [])
    [run] = cluster.runs()
    assert (run.phase, run.reason, run.message) == (
        RunPhase.SUCCEEDED,
        "automation_shadow",
        "only recorded: hold, drain",
    )
    assert steps(cluster, run.id)["hold"] == (StepPhase.SKIPPED, "automation_shadow")


def test_in_shadow_a_node_that_comes_back_takes_work_again_and_leaves_no_stray_behind(cluster):
    job = running_job(cluster)
    lose(cluster, job, silent=True)
    cluster.train(job, 2, to=11)
    assert cluster.nodes["n2"].parts[job, 1].state is PartState.RUNNING
    cluster.nodes["n2"].connect()
    cluster.run(3)
    assert cluster.nodes["n2"].parts[job, 1].exit.end is End.STOPPED
    assert in_service(cluster, "n2")
    assert [incident for incident in cluster.incidents() if incident.closed_at is None] == []
    second = cluster.submit(job_spec("other", nodes=1))
    cluster.run(2)
    assert cluster.job(second).nodes == ["n2"]


def test_in_shadow_a_lost_node_takes_no_work_until_it_is_back(cluster):
    cluster.nodes["n2"].die()
    cluster.run(6)
    job = cluster.submit(job_spec(nodes=4))
    cluster.run(3)
    assert cluster.job(job).reason == "waiting_for_nodes"
    cluster.nodes["n2"].connect()
    cluster.run(3)
    assert cluster.job(job).nodes == ["n1", "n2", "n3", "n4"]


def test_a_node_lost_again_in_shadow_is_a_new_loss(cluster):
    for _ in range(2):
        cluster.nodes["n4"].die()
        cluster.run(6)
        cluster.nodes["n4"].connect()
        cluster.run(3)
    assert [run.playbook for run in cluster.runs()] == ["lost-node", "returned-node"] * 2


def test_what_shadow_held_back_is_counted_since_the_mode_was_set(cluster):
    cluster.nodes["n4"].die()
    cluster.run(6)
    assert shown(cluster).held_back == {"hold": 1, "drain": 1}
    set_mode(cluster, Mode.AUTO)
    view = shown(cluster)
    assert (view.mode, view.set_by, view.held_back) == (Mode.AUTO, "person:ann", {})
    [event] = [event for event in cluster.events() if event.kind == "automation_set"]
    assert (event.reason, event.message) == ("auto", "shadow -> auto by person:ann")


def test_what_shadow_held_back_is_done_once_the_mode_is_raised_if_it_is_still_so(cluster):
    cluster.nodes["n4"].die()
    cluster.run(6)
    set_mode(cluster, Mode.AUTO)
    node = cluster.node("n4")
    assert (node.phase, [hold.owner for hold in node.holds]) == (NodePhase.DRAINED, ["mainstay:lost-node"])


def test_a_node_that_auto_drained_and_shadow_saw_return_comes_back_in_auto(cluster):
    set_mode(cluster, Mode.AUTO)
    cluster.nodes["n4"].die()
    cluster.run(6)
    set_mode(cluster, Mode.SHADOW)
    cluster.nodes["n4"].connect()
    cluster.run(3)
    assert cluster.node("n4").phase is NodePhase.DRAINED
    set_mode(cluster, Mode.AUTO)
    assert in_service(cluster, "n4")


def test_the_mode_set_again_says_nothing_new(cluster):
    set_mode(cluster, Mode.SHADOW)
    assert shown(cluster).set_by == automation.MAKER_OF_FIRST_MODE
    assert "automation_set" not in {event.kind for event in cluster.events()}


# -- off


def test_off_stops_even_relaunches_and_says_so(cluster):
    set_mode(cluster, Mode.OFF)
    job = running_job(cluster)
    lose(cluster, job)
    assert cluster.job(job).attempt == 1
    assert {(run.phase, run.reason) for run in cluster.runs()} == {(RunPhase.WAITING, "automation_off")}
    set_mode(cluster, Mode.SHADOW)
    assert cluster.job(job).attempt == 2


def test_off_binds_no_person(cluster):
    set_mode(cluster, Mode.OFF)
    job = running_job(cluster)
    cluster.operate().cordon("n4", "fan", None)
    cluster.operate().stop_job(job)
    cluster.run(3)
    assert cluster.job(job).phase is JobPhase.CANCELLED


# -- approve


def test_approve_asks_for_the_node_and_not_for_the_job(cluster):
    set_mode(cluster, Mode.APPROVE)
    job = running_job(cluster)
    lose(cluster, job)
    cluster.train(job, 2, to=11)
    assert (cluster.job(job).phase, cluster.job(job).attempt) == (JobPhase.RUNNING, 2)
    [run] = cluster.runs()
    assert (run.phase, run.reason, shown(cluster).waiting) == (RunPhase.WAITING, "automation_approve", [run.id])
    cluster.operate().approve_run(run.id, HOUR)
    cluster.run(1)
    node, [run] = cluster.node("n2"), cluster.runs()
    assert (run.phase, run.approval.approved_by) == (RunPhase.SUCCEEDED, "person:ann")
    assert (node.phase, [hold.owner for hold in node.holds]) == (NodePhase.DRAINED, ["mainstay:lost-node"])


def test_a_run_that_waits_for_approval_decides_once_and_not_again_and_again(cluster):
    set_mode(cluster, Mode.APPROVE)
    job = running_job(cluster)
    lose(cluster, job)
    cluster.run(10)
    decided = [event.message for event in cluster.events() if event.kind == "decision" and event.run is not None]
    assert decided.count("mainstay:lost-node hold node:n2: wait") == 1
    assert len(decided) == 2


def test_an_approval_that_has_expired_is_asked_for_again(cluster):
    set_mode(cluster, Mode.APPROVE)
    cluster.nodes["n4"].die()
    cluster.run(6)
    cluster.operate().approve_run(1, HOUR)
    cluster.utc += 2 * HOUR
    cluster.run(1)
    [run] = cluster.runs()
    assert (run.phase, run.reason) == (RunPhase.WAITING, "automation_approve")


def test_a_rejected_run_is_abandoned_and_its_incident_stays_open(cluster):
    set_mode(cluster, Mode.APPROVE)
    cluster.nodes["n4"].die()
    cluster.run(6)
    cluster.operate().reject_run(1, "it is being moved")
    cluster.run(2)
    [run] = cluster.runs()
    assert (run.phase, run.reason) == (RunPhase.ABANDONED, "rejected_by_person")
    assert "it is being moved" in run.message
    assert cluster.node("n4").holds == []
    assert cluster.incidents()[0].closed_at is None


def test_an_aborted_run_begins_nothing_more(cluster):
    set_mode(cluster, Mode.OFF)
    job = running_job(cluster)
    lose(cluster, job)
    cluster.operate().abort_run(1, "")
    set_mode(cluster, Mode.AUTO)
    run = cluster.runs()[0]
    assert (run.phase, run.reason, run.message) == (RunPhase.ABANDONED, "aborted_by_person", "by person:ann")
    assert cluster.node("n2").holds == []


@pytest.mark.parametrize(("word", "argument"), [("approve_run", HOUR), ("reject_run", "")])
def test_only_what_waits_for_approval_is_approved_or_rejected(cluster, word, argument):
    set_mode(cluster, Mode.OFF)
    cluster.nodes["n4"].die()
    cluster.run(6)
    with pytest.raises(RulingAgainst) as refusal:
        getattr(cluster.operate(), word)(1, argument)
    assert refusal.value.ruling.reason == "run_not_waiting"


def test_a_run_that_has_ended_hears_no_word(cluster):
    cluster.nodes["n4"].die()
    cluster.run(6)
    with pytest.raises(RulingAgainst) as refusal:
        cluster.operate().abort_run(1, "")
    assert refusal.value.ruling.reason == "run_ended"


def test_an_approved_node_that_returns_waits_for_its_validation_to_be_approved(cluster):
    set_mode(cluster, Mode.APPROVE)
    cluster.nodes["n4"].die()
    cluster.run(6)
    cluster.operate().approve_run(1, HOUR)
    cluster.run(1)
    cluster.nodes["n4"].connect()
    cluster.run(3)
    returned = cluster.runs()[-1]
    assert (returned.playbook, returned.reason) == ("returned-node", "automation_approve")
    assert cluster.node("n4").phase is NodePhase.DRAINED
    cluster.operate().approve_run(returned.id, HOUR)
    cluster.run(3)
    assert in_service(cluster, "n4")


def test_a_node_that_returns_before_anybody_approved_is_in_service_and_nothing_waits(cluster):
    set_mode(cluster, Mode.APPROVE)
    cluster.nodes["n4"].die()
    cluster.run(6)
    cluster.nodes["n4"].connect()
    cluster.run(3)
    assert in_service(cluster, "n4")
    assert shown(cluster).waiting == []

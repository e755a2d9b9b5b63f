"""The controller's transactions against simulated nodes: the laws of loss, fencing and recovery, in fake time."""

from functools import partial

import pytest
from fakes.simulated_cluster import SimulatedCluster, job_spec

from controller.config import Limits
from controller.state.events import record
from controller.state.why import why
from remediations.operator import RulingAgainst
from wire.api import AttemptPhase, Health, JobPhase, NodePhase, RunPhase
from wire.attempts import End, FailureKind
from wire.orders import OutcomeReason
from wire.specs import RestartSpec


def running_job(cluster, spec=None):
    job = cluster.submit(spec or job_spec())
    cluster.run(1)
    cluster.train(job, 1, to=12, checkpoint=10)
    assert cluster.job(job).phase is JobPhase.RUNNING
    return job


def test_a_job_is_placed_launched_and_runs(cluster):
    job = running_job(cluster)
    view = cluster.job(job)
    assert (view.nodes, view.step, view.checkpoint.step) == (["n1", "n2", "n3"], 12, 10)
    assert view.attempts[0].first_step == 1


def test_a_killed_node_is_replaced_by_the_spare_at_the_same_world_size(cluster):
    job = running_job(cluster)
    cluster.nodes["n2"].die()
    for peer in ("n1", "n3"):
        cluster.nodes[peer].fail((job, 1), FailureKind.PEER, "RuntimeError")
    cluster.run(1)
    cluster.train(job, 2, to=11)
    view = cluster.job(job)
    assert (view.phase, view.attempt, view.nodes) == (JobPhase.RUNNING, 2, ["n1", "n3", "n4"])
    assert view.attempts[0].end_reason == "node_lost"
    assert (view.attempts[1].resume_step, view.attempts[1].first_step) == (10, 11)
    assert cluster.node("n2").health is Health.LOST
    assert cluster.node("n2").phase is NodePhase.DRAINED
    assert view.failures == 0


def test_a_broken_link_alone_replaces_nothing_while_peers_step_on(cluster):
    job = running_job(cluster)
    cluster.nodes["n2"].kill_agent()
    for step in range(13, 33):
        cluster.train(job, 1, to=step)
    assert cluster.node("n2").health is Health.SUSPECT
    assert cluster.job(job).attempt == 1
    cluster.nodes["n2"].connect()
    cluster.run(1)
    assert cluster.node("n2").health is Health.HEALTHY
    assert cluster.node("n2").phase is NodePhase.READY


def test_a_silent_node_is_lost_after_four_seconds_without_progress_and_rejoins_when_it_wakes(cluster):
    job = running_job(cluster)
    cluster.nodes["n3"].silent = True
    cluster.run(3)
    assert cluster.job(job).attempt == 1
    cluster.run(2.5)
    assert cluster.job(job).nodes == ["n1", "n2", "n4"]
    cluster.nodes["n3"].connect()
    cluster.run(2)
    assert cluster.nodes["n3"].parts[job, 1].exit.end is End.STOPPED
    node = cluster.node("n3")
    assert (node.phase, node.health, node.holds, node.jobs) == (NodePhase.READY, Health.HEALTHY, [], [])


def test_a_silence_under_three_seconds_loses_nothing(cluster):
    job = running_job(cluster)
    cluster.nodes["n2"].silent = True
    cluster.run(2.75)
    cluster.nodes["n2"].silent = False
    cluster.run(2)
    assert cluster.job(job).attempt == 1
    assert cluster.runs() == []


def test_a_late_writer_changes_nothing(cluster):
    job = running_job(cluster)
    late = cluster.nodes["n1"]
    late.silent = True
    cluster.run(6)
    late.connect()
    late.silent = False
    late.step((job, 1), 99, checkpoint=True)
    cluster.run(2)
    assert cluster.job(job).checkpoint.step == 10


def test_a_killed_worker_is_relaunched_on_the_same_nodes_and_does_not_count_against_the_script(cluster):
    job = running_job(cluster)
    cluster.nodes["n1"].fail((job, 1), FailureKind.SIGNAL, "SIGKILL")
    cluster.nodes["n2"].fail((job, 1), FailureKind.PEER, "RuntimeError")
    cluster.run(2)
    view = cluster.job(job)
    assert (view.attempt, view.nodes, view.failures) == (2, ["n1", "n2", "n3"], 0)
    assert view.attempts[0].end_reason == "worker_killed"


def test_a_wrong_script_fails_after_its_retry_limit_with_its_log(cluster):
    job = cluster.submit(job_spec(restart=RestartSpec(max_failures=2)))
    for attempt in (1, 2, 3):
        cluster.run(3)
        for name in ("n2", "n1", "n3"):
            kind = FailureKind.EXCEPTION if name == "n2" else FailureKind.PEER
            cluster.nodes[name].fail((job, attempt), kind)
        cluster.run(3)
    view = cluster.job(job)
    assert (view.phase, view.failures, view.reason) == (JobPhase.FAILED, 3, "script_failed")
    assert "ValueError" in view.log_tail


def test_without_a_spare_the_job_waits_and_goes_on_when_a_node_comes(cluster):
    job = running_job(cluster)
    cluster.operate().cordon("n4", "for a test", None)
    cluster.nodes["n2"].die()
    cluster.nodes["n1"].fail((job, 1), FailureKind.PEER)
    cluster.run(3)
    view = cluster.job(job)
    assert (view.phase, view.reason) == (JobPhase.RECOVERING, "waiting_for_nodes")
    cluster.operate().uncordon("n4")
    cluster.run(2)
    assert cluster.job(job).nodes == ["n1", "n3", "n4"]


def test_a_silent_single_node_job_waits_for_its_node_and_goes_on_when_it_wakes(cluster):
    job = running_job(cluster, job_spec(nodes=1))
    cluster.nodes["n1"].silent = True
    cluster.run(10)
    view = cluster.job(job)
    assert view.attempt == 1
    [run] = cluster.runs()
    assert (run.phase, run.reason) == (RunPhase.WAITING, "no_proof_of_stop")
    assert "n1" in run.message
    cluster.nodes["n1"].connect()
    cluster.run(3)
    assert cluster.job(job).attempt == 1
    assert cluster.node("n1").phase is NodePhase.READY
    assert cluster.node("n1").holds == []


def test_a_rebooted_single_node_is_proof(cluster):
    job = running_job(cluster, job_spec(nodes=1))
    node = cluster.nodes["n1"]
    node.die()
    cluster.run(6)
    node.boot = 2
    node.end((job, 1), End.REBOOTED, say=False)
    node.connect()
    cluster.run(3)
    view = cluster.job(job)
    assert (view.attempt, view.attempts[0].parts[0].proof) == (2, "rebooted")


def test_a_persons_cordon_outlives_everything_automatic(cluster):
    job = running_job(cluster)
    cluster.operate().cordon("n2", "bad fan", None)
    cluster.nodes["n2"].die()
    cluster.nodes["n1"].fail((job, 1), FailureKind.PEER)
    cluster.run(3)
    cluster.nodes["n2"].connect()
    cluster.run(5)
    node = cluster.node("n2")
    assert node.phase is NodePhase.READY
    assert [(hold.owner, hold.reason) for hold in node.holds] == [("person:ann", "bad fan")]


def test_a_person_drains_a_node_and_gives_it_back(cluster):
    job = running_job(cluster)
    cluster.operate().drain("n2", "bad fan")
    cluster.run(3)
    assert (cluster.node("n2").phase, cluster.job(job).attempt) == (NodePhase.DRAINING, 1)
    cluster.operate().stop_job(job)
    cluster.run(3)
    node = cluster.node("n2")
    assert (node.phase, [hold.owner for hold in node.holds]) == (NodePhase.DRAINED, ["person:ann"])
    cluster.operate().uncordon("n2")
    assert (cluster.node("n2").phase, cluster.node("n2").holds) == (NodePhase.READY, [])


def test_a_person_gives_back_no_node_that_automation_drained(cluster):
    job = running_job(cluster)
    cluster.operate().cordon("n2", "bad fan", None)
    cluster.nodes["n2"].die()
    cluster.nodes["n1"].fail((job, 1), FailureKind.PEER)
    cluster.run(3)
    cluster.operate().uncordon("n2")
    node = cluster.node("n2")
    assert (node.phase, [hold.owner for hold in node.holds]) == (NodePhase.DRAINED, ["mainstay:lost-node"])


def test_why_a_job_tells_of_its_fault_however_many_checkpoints_came_after(cluster):
    job = running_job(cluster)
    cluster.nodes["n2"].die()
    cluster.nodes["n1"].fail((job, 1), FailureKind.PEER)
    cluster.run(3)
    moment = cluster.moment().utc
    publish = partial(record, kind="checkpoint_published", job=job, attempt=2)
    cluster.store.transact(lambda s: [publish(s, moment, message=f"step {step}") for step in range(500)])
    chain = cluster.store.transact(lambda s: why(s, "job", job, cluster.seen())).chain
    assert "node_lost" in [link.kind for link in chain]
    assert [link.text for link in chain if link.kind == "checkpoint_published"] == [
        "last published checkpoint: step 499"
    ]


def test_two_jobs_one_fault(tmp_path):
    cluster = SimulatedCluster(tmp_path, names=5)
    first = running_job(cluster, job_spec("one", nodes=2))
    second = running_job(cluster, job_spec("two", nodes=2))
    cluster.nodes["n1"].die()
    cluster.nodes["n2"].fail((first, 1), FailureKind.PEER)
    cluster.run(3)
    assert cluster.job(first).nodes == ["n2", "n5"]
    assert cluster.job(second).attempt == 1
    cluster.store.close()


def test_a_cut_of_many_nodes_opens_the_breaker_and_relaunches_nothing(cluster):
    job = running_job(cluster)
    for name in ("n1", "n2", "n3", "n4"):
        cluster.nodes[name].silent = True
    cluster.run(8)
    assert {run.reason for run in cluster.runs()} == {"breaker_open"}
    for node in cluster.nodes.values():
        node.connect()
    cluster.run(3)
    assert cluster.job(job).attempt == 1
    assert all(cluster.node(name).holds == [] for name in cluster.nodes)


def test_a_job_ends_when_every_part_succeeded(cluster):
    job = running_job(cluster)
    for name in ("n1", "n2", "n3"):
        cluster.nodes[name].end((job, 1), End.SUCCEEDED)
    cluster.run(1)
    view = cluster.job(job)
    assert (view.phase, view.attempts[0].phase) == (JobPhase.SUCCEEDED, AttemptPhase.ENDED)
    assert cluster.node("n1").jobs == []


def test_a_person_stops_a_job_once(cluster):
    job = running_job(cluster)
    cluster.operate().stop_job(job)
    with pytest.raises(RulingAgainst) as refusal:
        cluster.operate().stop_job(job)
    assert refusal.value.ruling.reason == "already_stopping"
    cluster.run(2)
    assert cluster.job(job).phase is JobPhase.CANCELLED


def test_a_refusal_by_the_nodes_own_policy_fails_the_job_and_names_the_mend(cluster):
    cluster.nodes["n2"].refuses = OutcomeReason.NOT_PERMITTED
    job = cluster.submit(job_spec())
    cluster.run(3)
    view = cluster.job(job)
    assert (view.phase, view.reason) == (JobPhase.FAILED, "launch_refused")
    assert "workers.roots" in view.message


def test_a_controller_that_restarts_launches_nothing_twice_and_loses_nobody(cluster):
    job = running_job(cluster)
    cluster.start_controller()
    for node in cluster.nodes.values():
        node.kill_agent()
        node.connect()
    cluster.run(10)
    assert cluster.job(job).attempt == 1
    assert [node.launches for node in cluster.nodes.values()] == [[(job, 1)], [(job, 1)], [(job, 1)], []]


def test_a_controller_that_restarts_in_the_middle_of_a_recovery_finishes_it(cluster):
    job = running_job(cluster)
    cluster.nodes["n2"].die()
    cluster.nodes["n1"].fail((job, 1), FailureKind.PEER)
    cluster.tick()
    for _ in range(4):
        cluster.start_controller()
        for name in ("n1", "n3", "n4"):
            cluster.nodes[name].kill_agent()
            cluster.nodes[name].connect()
        cluster.run(0.5)
    cluster.run(8)
    cluster.train(job, 2, to=11)
    view = cluster.job(job)
    assert (view.phase, view.attempt, view.nodes) == (JobPhase.RUNNING, 2, ["n1", "n3", "n4"])
    assert all(len(set(node.launches)) == len(node.launches) for node in cluster.nodes.values())


def test_limits_count_what_is_in_service(tmp_path):
    cluster = SimulatedCluster(tmp_path, names=4, limits=Limits(breaker_min_nodes=2, breaker_share=0.25))
    job = running_job(cluster)
    for name in ("n1", "n2"):
        cluster.nodes[name].die()
    cluster.nodes["n3"].fail((job, 1), FailureKind.PEER)
    cluster.run(3)
    assert {run.reason for run in cluster.runs()} == {"breaker_open"}
    cluster.store.close()

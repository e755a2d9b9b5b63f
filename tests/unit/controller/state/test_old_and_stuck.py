"""Nothing old starts an action, nothing waits for ever without need, and a failure is put down to what caused it."""

import pytest
from fakes.simulated_cluster import SimulatedCluster, job_spec

from controller.config import Limits
from wire.api import Health, JobPhase, NodePhase, RunPhase
from wire.attempts import End, FailureKind
from wire.orders import OutcomeReason

BREAKER = Limits(breaker_min_nodes=3, breaker_share=0.5, breaker_window_s=60)


@pytest.fixture
def no_spare(tmp_path):
    made = SimulatedCluster(tmp_path, names=3)
    yield made
    made.store.close()


def running_job(cluster, spec=None):
    job = cluster.submit(spec or job_spec())
    cluster.run(1)
    cluster.train(job, 1, to=12, checkpoint=10)
    return job


def in_service(cluster, name):
    node = cluster.node(name)
    return (node.phase, node.health, node.holds) == (NodePhase.READY, Health.HEALTHY, [])


def test_a_run_that_waited_for_the_breaker_leaves_a_node_alone_that_came_back_meanwhile(tmp_path):
    cluster = SimulatedCluster(tmp_path, names=5, limits=BREAKER)
    for name in ("n1", "n2", "n3", "n4"):
        cluster.nodes[name].die()
    cluster.run(6)
    cluster.nodes["n1"].connect()
    cluster.run(3)
    assert in_service(cluster, "n1")
    cluster.nodes["n2"].connect()
    cluster.run(3)
    assert in_service(cluster, "n1")
    assert in_service(cluster, "n2")
    cluster.store.close()


def test_the_breaker_stays_open_while_those_lost_at_once_are_away(cluster):
    job = running_job(cluster)
    for name in ("n1", "n2", "n4"):
        cluster.nodes[name].die()
    cluster.run(90)
    assert {run.reason for run in cluster.runs() if run.phase is RunPhase.WAITING} == {"breaker_open"}
    assert cluster.job(job).attempt == 1


def test_nodes_lost_one_by_one_do_not_open_the_breaker(cluster):
    for name in ("n1", "n2", "n3"):
        cluster.nodes[name].die()
        cluster.run(70)
    assert {run.phase for run in cluster.runs()} == {RunPhase.SUCCEEDED}


def test_a_second_loss_is_dealt_with_while_the_first_one_still_waits_for_its_job(no_spare):
    cluster = no_spare
    job = running_job(cluster)
    lost = cluster.nodes["n2"]
    for attempt in (1, 2):
        lost.die()
        for peer in ("n1", "n3"):
            cluster.nodes[peer].fail((job, attempt), FailureKind.PEER)
        cluster.run(3)
        assert cluster.job(job).reason == "waiting_for_nodes"
        lost.connect()
        cluster.run(3)
        assert cluster.job(job).attempt == attempt + 1
    cluster.train(job, 3, to=11)
    assert cluster.job(job).phase is JobPhase.RUNNING


def test_a_node_is_tried_again_after_a_restart_of_the_controller(cluster):
    node = cluster.nodes["n4"]
    node.die()
    cluster.run(6)
    node.unfit = True
    node.connect()
    cluster.run(3)
    assert cluster.node("n4").phase is NodePhase.REPAIRING
    node.unfit = False
    number = cluster.live.node("n4").session_number
    cluster.start_controller()
    others = [cluster.nodes[name] for name in ("n1", "n2", "n3", "n1", "n2", "n3")]
    for one in others[: number % 1000 - 1]:
        one.kill_agent()
        one.connect()
    node.connect()
    for one in others:
        if not one.connected:
            one.connect()
    cluster.run(3)
    assert in_service(cluster, "n4")


def test_a_part_that_is_stopped_by_nobodys_order_is_a_failure(cluster):
    job = running_job(cluster, job_spec(nodes=1))
    cluster.nodes["n1"].end((job, 1), End.STOPPED)
    cluster.run(3)
    assert cluster.job(job).attempt == 2


def test_a_part_its_node_no_longer_knows_is_a_failure(cluster):
    job = running_job(cluster, job_spec(nodes=1))
    node = cluster.nodes["n1"]
    node.kill_agent()
    node.parts.clear()
    node.connect()
    cluster.run(3)
    view = cluster.job(job)
    assert (view.attempt, view.attempts[0].parts[0].proof) == (2, "never_launched")


def test_a_loss_that_was_survived_does_not_excuse_the_script_later(cluster):
    job = running_job(cluster)
    for name in ("n1", "n2", "n3"):
        cluster.nodes[name].silent = True
    cluster.run(6)
    for name in ("n1", "n2", "n3"):
        cluster.nodes[name].connect()
    cluster.run(5)
    assert cluster.job(job).attempt == 1
    for name in ("n1", "n2", "n3"):
        cluster.nodes[name].fail((job, 1), FailureKind.EXCEPTION if name == "n1" else FailureKind.PEER)
    cluster.run(3)
    view = cluster.job(job)
    assert (view.attempts[0].end_reason, view.failures) == ("script_failed", 1)


def test_a_stop_of_leftovers_that_fails_is_tried_again(cluster):
    job = running_job(cluster)
    node = cluster.nodes["n3"]
    node.silent = True
    for peer in ("n1", "n2"):
        cluster.nodes[peer].fail((job, 1), FailureKind.PEER)
    cluster.run(6)
    node.failing_stops = 2
    node.connect()
    cluster.run(10)
    assert node.parts[job, 1].exit.end is End.STOPPED
    assert in_service(cluster, "n3")


def test_a_person_who_cordons_again_prolongs_the_hold(cluster):
    soon = cluster.utc.replace(second=30)
    cluster.operate().cordon("n1", "a quick look", soon)
    cluster.operate().cordon("n1", "the fan is broken", None)
    cluster.run(60)
    [hold] = cluster.node("n1").holds
    assert (hold.reason, hold.expires_at) == ("the fan is broken", None)


def test_incidents_close_when_what_they_were_about_is_over(cluster):
    job = running_job(cluster)
    for name in ("n1", "n2", "n3"):
        cluster.nodes[name].silent = True
    cluster.run(6)
    for name in ("n1", "n2", "n3"):
        cluster.nodes[name].connect()
    cluster.run(5)
    cluster.nodes["n1"].fail((job, 1), FailureKind.SIGNAL)
    cluster.run(3)
    cluster.nodes["n1"].fail((job, 2), FailureKind.SIGNAL)
    cluster.run(3)
    cluster.train(job, 3, to=11)
    cluster.run(1)
    assert [incident.finding for incident in cluster.incidents() if incident.closed_at is None] == []


def test_an_incident_about_a_job_closes_whoever_brought_the_job_back(cluster):
    job = running_job(cluster)
    cluster.nodes["n1"].fail((job, 1), FailureKind.SIGNAL)
    cluster.run(3)
    cluster.nodes["n2"].die()
    for name in ("n1", "n3"):
        cluster.nodes[name].fail((job, 2), FailureKind.PEER)
    cluster.run(8)
    cluster.train(job, cluster.job(job).attempt, to=11)
    cluster.run(2)
    still_open = [incident.subject for incident in cluster.incidents() if incident.closed_at is None]
    assert f"job:{job}" not in still_open


def test_a_stop_that_fails_for_long_stays_cheap(cluster):
    job = running_job(cluster, job_spec(nodes=1))
    cluster.nodes["n1"].failing_stops = 10**6
    cluster.operate().stop_job(job)
    cluster.run(600, step=1)
    given = cluster.nodes["n1"].stops_asked
    assert 5 < given < 40
    cluster.nodes["n1"].failing_stops = 0
    cluster.run(70)
    assert cluster.job(job).phase is JobPhase.CANCELLED


def test_an_attempt_under_way_down_waits_for_a_silent_node_no_longer_than_for_any(cluster):
    job = running_job(cluster)
    for step in (13, 14, 15):
        cluster.run(20)
        cluster.train(job, 1, to=step)
    cluster.nodes["n2"].silent = True
    cluster.operate().stop_job(job)
    cluster.run(8)
    assert cluster.job(job).phase is JobPhase.CANCELLED


def test_a_refused_launch_is_no_reason_to_wait(cluster):
    cluster.nodes["n1"].refuses = OutcomeReason.HELD
    job = cluster.submit(job_spec(nodes=1))
    cluster.run(1)
    cluster.nodes["n1"].refuses = None
    cluster.run(3)
    assert cluster.job(job).attempt == 2

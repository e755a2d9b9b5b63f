"""A node is lost: killed outright, or silent without a broken connection."""

from datetime import UTC, datetime

import pytest
from harness import eventually

from wire.api import JobPhase, NodePhase, RunPhase


@pytest.mark.parametrize("victim_rank", [0, 1], ids=["rank 0's node", "another node"])
def test_a_killed_node_is_replaced_by_the_spare_at_the_same_world_size(cluster, victim_rank):
    job = cluster.given_a_running_job(nodes=3)
    victim = cluster.node_of(job, victim_rank)

    killed_at = datetime.now(UTC)
    cluster.nodes[victim].kill()

    noticed = eventually("it is noticed", lambda: cluster.first_sign(victim, since=killed_at))
    assert (noticed.at - killed_at).total_seconds() < 1.0
    assert noticed.reason == "suspect"
    resumed = cluster.then_it_resumes(job, attempt=2)
    assert set(resumed.nodes) == {"n1", "n2", "n3", "n4"} - {victim}
    assert cluster.world_size(job, 2) == 3
    attempt = resumed.attempts[1]
    assert attempt.first_step == attempt.resume_step + 1
    assert attempt.resume_step == cluster.checkpoint_before(job, attempt=2)
    assert resumed.attempts[0].end_reason == "node_lost"
    assert resumed.failures == 0


def test_a_killed_node_comes_back_is_validated_and_rejoins_as_the_spare(cluster):
    job = cluster.given_a_running_job(nodes=3)
    cluster.nodes["n2"].kill()
    cluster.then_it_resumes(job, attempt=2)

    cluster.nodes["n2"].start()

    node = eventually("n2 rejoins", lambda: cluster.ready("n2"))
    assert (node.holds, node.jobs) == ([], [])
    assert "validating" in [event.reason for event in cluster.events(node="n2") if event.kind == "node_phase"]
    assert cluster.job(job).attempt == 2


def test_a_node_gone_silent_is_replaced_and_what_it_does_when_it_wakes_does_not_count(cluster):
    job = cluster.given_a_running_job(nodes=3)
    cluster.nodes["n1"].freeze()

    cluster.then_it_resumes(job, attempt=2, deadline_s=4 + 8)
    published = cluster.job(job).checkpoint
    cluster.nodes["n1"].thaw()

    eventually("its old workers are stopped", lambda: not cluster.processes(job, attempt=1))
    node = eventually("n1 rejoins", lambda: cluster.ready("n1"))
    assert node.holds == []
    after = cluster.job(job)
    assert (after.attempt, after.checkpoint.attempt) == (2, 2) or after.checkpoint.step == published.step
    assert cluster.published_by(job, attempt=1) == [
        step for step in cluster.published_by(job, 1) if step <= published.step
    ]
    assert cluster.witnessed_twice() == []


def test_a_silence_of_under_three_seconds_loses_nothing(cluster):
    job = cluster.given_a_running_job(nodes=3)
    before = cluster.job(job).step

    cluster.nodes["n2"].freeze()
    cluster.pause(2.5)
    cluster.nodes["n2"].thaw()

    eventually("it steps on", lambda: cluster.job(job).step > before + 20)
    assert cluster.job(job).attempt == 1
    assert cluster.runs() == []


def test_without_a_spare_the_job_waits_with_its_reason_and_goes_on_when_a_node_comes(cluster):
    job = cluster.given_a_running_job(nodes=4)
    cluster.nodes["n3"].kill()

    waiting = eventually("it waits", lambda: cluster.waits(job, "waiting_for_nodes"))
    assert waiting.phase is JobPhase.RECOVERING
    assert "needs 4 nodes" in waiting.message
    cluster.nodes["n3"].start()

    cluster.then_it_resumes(job, attempt=2)


def test_a_silent_single_node_job_waits_and_says_for_whom(cluster):
    job = cluster.given_a_running_job(nodes=1)
    cluster.nodes["n1"].freeze()

    run = eventually("the relaunch waits for proof", lambda: cluster.run_in(RunPhase.WAITING))
    assert run.reason == "no_proof_of_stop"
    assert "n1" in run.message
    cluster.nodes["n1"].thaw()

    eventually("n1 is back", lambda: cluster.ready("n1"))
    before = cluster.job(job).step
    eventually("it steps on", lambda: cluster.job(job).step > before + 10)
    assert cluster.job(job).attempt == 1


def test_two_jobs_one_fault_the_other_does_not_notice(cluster):
    first = cluster.given_a_running_job("first", nodes=2)
    other = cluster.given_a_running_job("other", nodes=1)
    cluster.nodes[cluster.node_of(first, 1)].kill()

    cluster.then_it_resumes(first, attempt=2)

    assert cluster.job(other).attempt == 1
    assert cluster.steps_missed(other) == []


def test_a_persons_cordon_outlives_everything_automatic(cluster):
    job = cluster.given_a_running_job(nodes=3)
    cluster.cordon("n2", "the fan is loud")
    cluster.nodes["n2"].kill()
    cluster.then_it_resumes(job, attempt=2)
    cluster.nodes["n2"].start()

    node = eventually("n2 is validated", lambda: cluster.ready("n2"))
    assert [(hold.owner, hold.reason) for hold in node.holds] == [("person:admin", "the fan is loud")]
    assert cluster.node("n2").phase is NodePhase.READY

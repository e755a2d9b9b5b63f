"""An agent or the controller is killed: training goes on, and both pick up where things stand."""

import random

import pytest
from harness import eventually

from wire.api import Health, JobPhase


def test_a_killed_agent_costs_no_step_and_finds_its_shim_again(cluster):
    job = cluster.given_a_running_job(nodes=3)
    cluster.nodes["n1"].kill_agent()
    before = cluster.job(job).step
    eventually("steps go on without it", lambda: cluster.job(job).step > before + 100)

    cluster.nodes["n1"].start()

    eventually("n1 is healthy", lambda: cluster.node("n1").health is Health.HEALTHY)
    eventually("it reports again", lambda: cluster.part(job, 1, "n1").step > before + 100)
    assert cluster.job(job).attempt == 1
    assert cluster.steps_missed(job) == []


@pytest.mark.parametrize(
    ("args", "phase"),
    [([], JobPhase.SUCCEEDED), (["--fail-at-step", "60"], JobPhase.FAILED)],
    ids=["success", "failure"],
)
def test_an_agent_restarted_after_the_job_ended_reports_the_right_exit_status(cluster, args, phase):
    job = cluster.submit("short", nodes=1, steps=60, args=args, restart={"max_failures": 0})
    eventually("it runs", lambda: cluster.job(job).phase is JobPhase.RUNNING)
    cluster.nodes["n1"].kill_agent()
    eventually("its workers are gone", lambda: not cluster.processes(job, attempt=1))

    cluster.nodes["n1"].start()

    assert eventually("it ends", lambda: cluster.ended(job)).phase is phase


def test_a_controller_killed_at_twenty_random_moments_does_nothing_twice_and_forgets_nothing(cluster):
    seed = random.SystemRandom().randrange(1 << 32)
    print(f"seed {seed}")
    moments = random.Random(seed)
    job = cluster.given_a_running_job(nodes=3)
    expected = 1
    for kill in range(20):
        if kill % 5 == 2:
            cluster.signal_worker(job, cluster.job(job).attempt, rank=moments.randrange(3), signal_number=9)
            expected += 1
        cluster.pause(moments.uniform(0.0, 1.5))
        cluster.kill_controller()
        cluster.pause(moments.uniform(0.0, 0.3))
        cluster.start_controller()
        if kill % 5 == 4:
            cluster.then_it_resumes(job, attempt=expected, deadline_s=60)

    assert cluster.witnessed_twice() == []
    assert cluster.witnessed_attempts(job) == list(range(1, expected + 1))
    assert cluster.witnessed_overlaps(job) == []
    assert cluster.job(job).phase is JobPhase.RUNNING


def test_training_goes_on_while_the_controller_is_down(cluster):
    job = cluster.given_a_running_job(nodes=2)
    before = cluster.job(job).step
    cluster.kill_controller()
    cluster.pause(5)
    cluster.start_controller()

    eventually("it knows the job", lambda: cluster.job(job).step > before + 50)
    assert cluster.job(job).attempt == 1
    assert cluster.steps_missed(job) == []

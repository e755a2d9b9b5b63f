"""The node of rank 0 is gone: its power cut, or its cable. Disks are private, checkpoints are shared."""

import pytest
from fakes.observed_cluster import eventually
from machines.cluster import SHARED, TORCH_PYTHON

from wire.api import Health, JobView

LOSSES = ["power", "cable"]


def cut(cluster, node, what):
    cluster.nodes[node].kill() if what == "power" else cluster.nodes[node].link_down()


def mend(cluster, node, what):
    cluster.nodes[node].start() if what == "power" else cluster.nodes[node].link_up()


def then_it_went_on_from_its_last_checkpoint(cluster, job: JobView, victim: str):
    attempt = job.attempts[job.attempt - 1]
    assert victim not in job.nodes
    assert cluster.world_size(job.id, job.attempt) == 3
    assert attempt.resume_step == cluster.checkpoint_before(job.id, job.attempt)
    assert attempt.first_step == attempt.resume_step + 1


def then_it_is_a_spare_again(cluster, victim: str, job: str):
    node = eventually("it is validated and usable", lambda: cluster.ready(victim))
    assert (node.holds, node.jobs) == ([], [])
    assert f"{job}.1" not in cluster.workers_on(victim).values()


@pytest.mark.parametrize("what", LOSSES)
def test_rank_0s_node_is_cut_off_and_the_job_goes_on_without_it(cluster, what):
    job = cluster.given_a_witnessed_job(f"without-{what}")
    victim = cluster.node_of(job, 0)

    cut(cluster, victim, what)

    resumed = cluster.then_it_resumes(job, attempt=2)
    then_it_went_on_from_its_last_checkpoint(cluster, resumed, victim)
    assert resumed.attempts[0].end_reason == "node_lost"
    published = cluster.published_by(job, 1)
    mend(cluster, victim, what)
    then_it_is_a_spare_again(cluster, victim, job)
    assert cluster.published_by(job, 1) == published
    assert cluster.job(job).attempt == 2
    cluster.then_no_two_attempts_stepped_at_once(job)


def test_torchrun_goes_on_without_rank_0s_node(cluster):
    look = cluster.nodes["n1"].run(TORCH_PYTHON, "-c", "import torch", check=False)
    if look.returncode != 0:
        pytest.skip(f"{TORCH_PYTHON} does not import torch on a machine: {look.stderr.strip()[-200:]}")
    script = {"script": f"{SHARED}/bytes_lm.py", "interpreter": TORCH_PYTHON, "launcher": "torchrun"}
    arguments = ["--steps", "1000000", "--checkpoint-every", "5", "--min-step-s", "0.2"]
    environment = {"CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": "1"}
    job = cluster.submit_as_it_is("torchrun", nodes=2, args=arguments, environment=environment, **script)
    cluster.then_it_resumes(job, attempt=1)
    victim = cluster.node_of(job, 0)

    cut(cluster, victim, "power")

    resumed = cluster.then_it_resumes(job, attempt=2)
    assert victim not in resumed.nodes
    attempt = resumed.attempts[1]
    assert attempt.resume_step == cluster.checkpoint_before(job, 2)
    assert attempt.first_step == attempt.resume_step + 1


def is_suspect(cluster, job, victim):
    return cluster.node(victim).health is Health.SUSPECT


def is_lost(cluster, job, victim):
    return cluster.node(victim).health is Health.LOST


def next_attempt_is_placed(cluster, job, victim):
    return cluster.job(job).attempt == 2


@pytest.mark.parametrize("moment", [is_suspect, is_lost, next_attempt_is_placed])
@pytest.mark.parametrize("what", LOSSES)
def test_it_comes_back_in_the_middle_of_the_recovery(cluster, what, moment):
    job = cluster.given_a_witnessed_job(f"back-{what}-{moment.__name__}".replace("_", "-"))
    victim = cluster.node_of(job, 0)

    cut(cluster, victim, what)
    eventually(f"{victim}: {moment.__name__}", lambda: moment(cluster, job, victim))
    mend(cluster, victim, what)

    cluster.then_training_goes_on(job)
    then_it_is_a_spare_or_at_work(cluster, victim, job)
    cluster.then_no_two_attempts_stepped_at_once(job)
    assert cluster.job(job).attempt <= 2


def then_it_is_a_spare_or_at_work(cluster, victim: str, job: str):
    current = f"{job}.{cluster.job(job).attempt}"
    eventually("it is validated and usable", lambda: cluster.ready(victim))
    assert set(cluster.workers_on(victim).values()) <= {current}

"""Only a worker is lost, or stands still, or its script is wrong."""

import signal

from harness import eventually

from wire.api import JobPhase


def test_a_killed_worker_is_relaunched_on_the_same_nodes(cluster):
    job = cluster.given_a_running_job(nodes=3)
    nodes = cluster.job(job).nodes
    cluster.signal_worker(job, 1, rank=1, signal_number=signal.SIGKILL)

    resumed = cluster.then_it_resumes(job, attempt=2)

    assert resumed.nodes == nodes
    assert (resumed.attempts[0].end_reason, resumed.failures) == ("worker_killed", 0)


def test_a_worker_in_state_t_is_treated_as_failed(cluster):
    job = cluster.given_a_running_job(nodes=3)
    cluster.signal_worker(job, 1, rank=2, signal_number=signal.SIGSTOP)

    resumed = cluster.then_it_resumes(job, attempt=2)

    assert resumed.attempts[0].end_reason == "worker_stopped"
    assert not cluster.processes(job, attempt=1)


def test_nothing_of_a_stopped_attempt_is_left_two_seconds_later(cluster):
    job = cluster.given_a_running_job(nodes=3, args=["--ignore-sigterm"])
    assert cluster.processes(job, attempt=1)

    cluster.stop(job)

    eventually("nothing is left", lambda: not cluster.processes(job, attempt=1), 2.0 + 1.0)
    eventually("it is cancelled", lambda: cluster.job(job).phase is JobPhase.CANCELLED)


def test_a_job_that_ends_has_succeeded_and_has_a_history(cluster):
    job = cluster.submit("short", nodes=2, steps=20)

    ended = eventually("it succeeds", lambda: cluster.ended(job))

    assert ended.phase is JobPhase.SUCCEEDED
    assert ended.attempts[0].last_step == 20
    assert [part.exit.end for part in ended.attempts[0].parts] == ["succeeded", "succeeded"]
    assert cluster.node("n1").jobs == []


def test_a_wrong_script_fails_after_its_retry_limit_with_the_tail_of_its_own_log(cluster):
    job = cluster.submit("wrong", nodes=2, args=["--fail-at-step", "3"], restart={"max_failures": 1})

    ended = eventually("it fails", lambda: cluster.ended(job), 60)

    assert (ended.phase, ended.reason, ended.failures) == (JobPhase.FAILED, "script_failed", 2)
    assert "ValueError" in ended.log_tail
    assert ended.attempt == 2

"""The controller's transactions on every database: a loss, a recovery, and words that don't fit."""

from fakes.simulated_cluster import START, SimulatedCluster, job_spec

from controller.state.store import Store
from wire.api import JobPhase
from wire.attempts import CompleteCheckpoint, FailureKind, PartState, PartStatus, RankProgress
from wire.conditions import Condition, Severity, Status
from wire.messages import ConditionChanges, PartChange
from wire.orders import Outcome, OutcomeReason, OutcomeStatus

TOO_LARGE = 2**63


def running_job(cluster: SimulatedCluster) -> str:
    job = cluster.submit(job_spec())
    cluster.run(1)
    cluster.train(job, 1, to=2**40, checkpoint=2**40 - 2)
    return job


def test_a_job_survives_the_loss_of_a_node_and_a_restart_of_the_controller(store: Store) -> None:
    cluster = SimulatedCluster(store, names=4)
    job = running_job(cluster)
    cluster.nodes["n2"].die()
    for peer in ("n1", "n3"):
        cluster.nodes[peer].fail((job, 1), FailureKind.PEER, "RuntimeError")
    cluster.run(0.5)
    cluster.start_controller()
    for node in cluster.nodes.values():
        node.connect()
    cluster.run(5)
    cluster.train(job, 2, to=2**40)
    view = cluster.job(job)
    assert (view.phase, view.attempt, view.attempts[0].end_reason) == (JobPhase.RUNNING, 2, "node_lost")
    assert view.attempts[1].resume_step == 2**40 - 2
    assert cluster.node("n2").holds == []


def test_words_that_no_column_can_hold_stop_nobody(store: Store) -> None:
    cluster = SimulatedCluster(store, names=4)
    job = running_job(cluster)
    node = cluster.nodes["n1"]
    node._say(ConditionChanges([Condition("d", Status.TRUE, Severity.INFO, "", "", START, TOO_LARGE, START)]))
    node._say(PartChange(PartStatus(job, TOO_LARGE, PartState.RUNNING, 0, "b")))
    ranks, files = [RankProgress(0, step=TOO_LARGE)], [CompleteCheckpoint(TOO_LARGE, "x")]
    node._say(PartChange(PartStatus(job, 1, PartState.RUNNING, 0, "b", ranks=ranks, checkpoints=files)))
    node._say(Outcome("x", OutcomeStatus.DONE, OutcomeReason.OK, port=TOO_LARGE, detail={"x": float("nan")}))
    node.step((job, 1), 2**40 + 1, checkpoint=True)
    cluster.run(2)
    assert cluster.job(job).checkpoint.step == 2**40 + 1


def test_a_script_may_say_anything_in_its_last_words(store: Store) -> None:
    cluster = SimulatedCluster(store, names=4)
    job = running_job(cluster)
    cluster.nodes["n1"].fail((job, 1), FailureKind.EXCEPTION, "Value\0Error", message="a\0b \N{SNOWMAN} \\u0000")
    for peer in ("n2", "n3"):
        cluster.nodes[peer].fail((job, 1), FailureKind.PEER)
    cluster.run(3)
    view = cluster.job(job)
    assert (view.attempt, view.attempts[0].end_reason) == (2, "script_failed")

"""What a node says may be wrong; it never stops the controller, and what is right beside it is kept."""

import msgspec
import pytest
from fakes.simulated_cluster import START, job_spec

from controller.state import tick
from controller.state.models import OrderRow
from wire.api import JobPhase
from wire.attempts import CompleteCheckpoint, PartState, PartStatus, RankProgress
from wire.conditions import Condition, Severity, Status
from wire.messages import ConditionChanges, PartChange, Spooled
from wire.orders import Outcome, OutcomeReason, OutcomeStatus

BEYOND_SQL = 2**64 - 1


def running_job(cluster, spec=None):
    job = cluster.submit(spec or job_spec())
    cluster.run(1)
    cluster.train(job, 1, to=12, checkpoint=10)
    return job


def change(cluster, name, key, **fields):
    node = cluster.nodes[name]
    node.parts[key] = msgspec.structs.replace(node.parts[key], **fields)
    node._say(PartChange(node.parts[key]))
    cluster.run(0.25)


def test_two_files_of_one_step_are_one_checkpoint_under_its_own_name(cluster):
    job = running_job(cluster)
    files = [CompleteCheckpoint(20, "step-020.pt"), CompleteCheckpoint(20, "step-20.pt")]
    change(cluster, "n1", (job, 1), checkpoints=files)
    assert cluster.job(job).checkpoint.path == f"/shared/lm/{job}/attempt-1/step-020.pt"


@pytest.mark.parametrize("name", ["/etc/passwd", "../../other-1/attempt-1/step-20.pt", "a/../../x"])
def test_a_checkpoint_lies_in_its_attempts_directory(cluster, name):
    job = running_job(cluster)
    change(cluster, "n1", (job, 1), checkpoints=[CompleteCheckpoint(20, name)])
    assert cluster.job(job).checkpoint.step == 10


def test_steps_beyond_sql_are_not_taken(cluster):
    job = running_job(cluster)
    rank = RankProgress(0, pid=1, process_state="R", step=BEYOND_SQL, first_step=BEYOND_SQL)
    change(cluster, "n1", (job, 1), ranks=[rank], checkpoints=[CompleteCheckpoint(BEYOND_SQL, "x")])
    cluster.run(2)
    view = cluster.job(job)
    assert (view.step, view.checkpoint.step, view.phase) == (12, 10, JobPhase.RUNNING)


def test_a_message_that_cannot_be_recorded_is_passed_over_and_the_next_counts(cluster):
    job = running_job(cluster)
    node = cluster.nodes["n1"]
    unfit = Condition("disk", Status.TRUE, Severity.WARNING, "full", "", START, BEYOND_SQL, START)
    node._say(ConditionChanges([unfit]))
    change(cluster, "n1", (job, 1), checkpoints=[CompleteCheckpoint(30, "step-30.pt")])
    assert cluster.job(job).checkpoint.step == 30
    [event] = [event for event in cluster.events() if event.kind == "message_unfit"]
    assert (event.node, event.reason) == ("n1", "OverflowError")


def test_a_message_whose_number_cannot_be_recorded_is_passed_over(cluster):
    body = PartChange(PartStatus("lm-1", 1, PartState.RUNNING, 0, "b"))
    cluster.said.append(tick.Said("n1", Spooled(BEYOND_SQL, body), "f"))
    cluster.run(1)
    assert cluster.node("n1").name == "n1"


def test_leftovers_of_an_attempt_beyond_sql_are_not_looked_for(cluster):
    node = cluster.nodes["n1"]
    node.parts["lm-1", BEYOND_SQL] = PartStatus("lm-1", BEYOND_SQL, PartState.RUNNING, 0, "boot-1")
    node.die()
    node.parts["lm-1", BEYOND_SQL] = PartStatus("lm-1", BEYOND_SQL, PartState.RUNNING, 0, "boot-1")
    cluster.run(6)
    node.connect()
    cluster.run(3)
    assert cluster.node("n1").phase == "ready"


def test_no_node_answers_for_another(cluster):
    job = running_job(cluster)
    cluster.nodes["n2"].silent = True
    cluster.operate().stop_job(job)
    cluster.run(0.25)
    key = f"stop:{job}.1:n2"
    cluster.nodes["n1"]._say(Outcome(key, OutcomeStatus.DONE, OutcomeReason.OK))
    cluster.run(0.5)
    assert cluster.store.transact(lambda s: s.get_one(OrderRow, key).state) == "pending"


def test_an_end_without_a_record_is_not_believed(cluster):
    job = running_job(cluster)
    change(cluster, "n1", (job, 1), state=PartState.ENDED)
    cluster.nodes["n1"].parts[job, 1] = msgspec.structs.replace(
        cluster.nodes["n1"].parts[job, 1], state=PartState.RUNNING
    )
    cluster.operate().stop_job(job)
    cluster.run(3)
    assert cluster.job(job).phase is JobPhase.CANCELLED


def test_what_was_said_under_a_certificate_no_longer_served_does_not_count(cluster):
    cluster.nodes["n1"].seq = 500
    cluster.said.append(
        tick.Said("n1", Spooled(500, PartChange(PartStatus("lm-1", 1, PartState.RUNNING, 0, "b"))), "older")
    )
    cluster.run(0.25)
    node = cluster.nodes["n1"]
    node.seq = 0
    job = running_job(cluster)
    assert cluster.job(job).phase is JobPhase.RUNNING

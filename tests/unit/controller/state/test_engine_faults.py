"""A run that raises fails by name, and holds up nobody else."""

import pytest
from fakes.simulated_cluster import job_spec
from sqlalchemy import select

from controller.state.models import Incident, Step
from remediations.actions import catalogue
from wire.api import JobPhase, NodePhase, RunPhase
from wire.attempts import FailureKind


def running_job(cluster):
    job = cluster.submit(job_spec())
    cluster.run(1)
    cluster.train(job, 1, to=12, checkpoint=10)
    return job


def rename_action(cluster, run, action):
    """As an upgrade would that takes an action away."""

    def work(session):
        for step in session.scalars(select(Step).where(Step.run == run, Step.phase == "pending")).all():
            plan = dict(step.spec)
            step.spec = {**plan, "spec": {**plan["spec"], "action": action}}

    cluster.store.transact(work)


def break_drain(monkeypatch):
    drain = catalogue()["drain"]

    def raises(world, call):
        world.set_node_phase(call.node, NodePhase.DRAINING)
        raise ZeroDivisionError("a defect")

    monkeypatch.setattr(drain, "perform", raises)


def test_an_action_that_raises_fails_its_run_and_leaves_nothing_half_done(cluster, monkeypatch, caplog):
    break_drain(monkeypatch)
    job = running_job(cluster)
    cluster.nodes["n4"].die()
    cluster.run(6)
    [run] = cluster.runs()
    assert (run.phase, run.reason) == (RunPhase.FAILED, "internal_error")
    assert "ZeroDivisionError: a defect" in run.message
    assert cluster.node("n4").phase is NodePhase.READY
    assert "run 1 raised" in caplog.text
    assert [event.reason for event in cluster.events() if event.kind == "run_phase"][-1] == "failed"
    cluster.nodes["n1"].fail((job, 1), FailureKind.SIGNAL)
    cluster.run(3)
    cluster.train(job, 2, to=11)
    assert (cluster.job(job).phase, cluster.job(job).attempt) == (JobPhase.RUNNING, 2)


def test_an_action_that_this_version_lacks_is_named(cluster):
    cluster.store.transact(lambda s: None)
    cluster.operate().cordon("n4", "fan", None)
    cluster.nodes["n4"].die()
    from controller.state import automation
    from wire.api import Mode

    cluster.store.transact(lambda s: automation.set_mode(s, Mode.OFF, "person:ann", cluster.utc))
    cluster.run(6)
    rename_action(cluster, 1, "exorcise")
    cluster.run(1)
    [run] = cluster.runs()
    assert (run.phase, run.reason) == (RunPhase.FAILED, "action_unknown")
    assert "'exorcise'" in run.message


def test_a_run_whose_rows_cannot_be_read_fails_alone(cluster):
    from controller.state import automation
    from wire.api import Mode

    cluster.store.transact(lambda s: automation.set_mode(s, Mode.OFF, "person:ann", cluster.utc))
    for name in ("n3", "n4"):
        cluster.nodes[name].die()
    cluster.run(6)

    def work(session):
        incident = session.get_one(Incident, 1)
        incident.detail = {**incident.detail, "kind": "rain"}

    cluster.store.transact(work)
    cluster.operate().set_automation(Mode.AUTO)
    cluster.run(2)
    assert [(run.phase, run.reason) for run in cluster.runs()] == [
        (RunPhase.FAILED, "internal_error"),
        (RunPhase.SUCCEEDED, ""),
    ]


@pytest.mark.parametrize("seconds", [5])
def test_a_run_that_failed_so_is_not_tried_on_and_on(cluster, monkeypatch, seconds):
    break_drain(monkeypatch)
    cluster.nodes["n4"].die()
    cluster.run(6 + seconds)
    assert len(cluster.runs()) == 1

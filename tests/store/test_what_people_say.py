"""What people say, on every database: the automation mode, approvals, acknowledgements, tokens, retired nodes; and a
run that raises, in its savepoint."""

from datetime import timedelta

import pytest
from fakes.simulated_cluster import START, SimulatedCluster, job_spec

from controller.errors import NotFound, Refused
from controller.state import automation, membership, tokens
from controller.state.store import Store
from controller.state.tokens import NewToken
from remediations.actions import catalogue
from wire.api import JobPhase, Mode, NodePhase, RunPhase, TokenKind
from wire.attempts import FailureKind


def test_a_new_database_is_in_shadow_and_keeps_what_it_was_told_first(store: Store) -> None:
    assert store.transact(automation.in_force) is Mode.SHADOW
    store.transact(lambda s: automation.ensure_first(s, Mode.AUTO, START))
    store.transact(lambda s: automation.ensure_first(s, Mode.OFF, START))
    view = store.transact(automation.view)
    assert (view.mode, view.set_by, view.set_at) == (Mode.AUTO, "mainstay:first-start", START)


def test_a_node_is_lost_and_comes_back_below_each_mode(store: Store) -> None:
    cluster = SimulatedCluster(store, names=4, mode=Mode.SHADOW)
    job = cluster.submit(job_spec())
    cluster.run(1)
    cluster.train(job, 1, to=12, checkpoint=10)
    cluster.nodes["n2"].die()
    for peer in ("n1", "n3"):
        cluster.nodes[peer].fail((job, 1), FailureKind.PEER)
    cluster.run(5)
    assert (cluster.job(job).attempt, cluster.node("n2").holds) == (2, [])
    assert store.transact(automation.view).held_back == {"hold": 1, "drain": 1}
    cluster.nodes["n2"].connect()
    cluster.run(2)
    assert cluster.node("n2").phase is NodePhase.READY
    cluster.operate().set_automation(Mode.APPROVE)
    cluster.nodes["n2"].die()
    cluster.run(5)
    run = cluster.runs()[-1]
    assert (run.phase, store.transact(automation.view).waiting) == (RunPhase.WAITING, [run.id])
    cluster.operate().approve_run(run.id, timedelta(hours=1))
    cluster.run(1)
    run = cluster.runs()[-1]
    assert (run.phase, run.approval.approved_at) == (RunPhase.SUCCEEDED, cluster.utc - timedelta(seconds=1))
    cluster.operate().acknowledge(run.incident, "seen")
    assert cluster.incidents()[-1].note == "seen"
    with pytest.raises(NotFound):
        cluster.operate().acknowledge(99, "")
    assert cluster.job(job).phase in (JobPhase.RUNNING, JobPhase.RECOVERING)


def test_a_run_that_raises_is_given_back_whole(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def raises(world, call):  # type: ignore[no-untyped-def]
        world.set_node_phase(call.node, NodePhase.DRAINING)
        raise ZeroDivisionError

    monkeypatch.setattr(catalogue()["drain"], "perform", raises)
    cluster = SimulatedCluster(store, names=3)
    cluster.nodes["n3"].die()
    cluster.run(5)
    [run] = cluster.runs()
    assert (run.phase, run.reason, cluster.node("n3").phase) == (RunPhase.FAILED, "internal_error", NodePhase.READY)


def test_a_retired_node_joins_anew_and_one_that_may_run_work_does_not(store: Store) -> None:
    cluster = SimulatedCluster(store, names=3)
    job = cluster.submit(job_spec(nodes=1))
    cluster.run(1)
    with pytest.raises(Refused):
        store.transact(lambda s: membership.register(s, "n1", "g", "a", START))
    cluster.operate().retire("n3", "sold", False)
    assert store.transact(membership.fingerprints) == {"n1": "f", "n2": "f", "n3": ""}
    store.transact(lambda s: membership.register(s, "n3", "g", "a", START))
    assert cluster.node("n3").phase is NodePhase.JOINING
    assert cluster.job(job).nodes == ["n1"]


def test_tokens_are_listed_by_an_id_and_revoked(store: Store) -> None:
    def make(new: NewToken) -> str:
        return store.transact(lambda s: tokens.create(s, new, "person:admin", START)).secret

    secret = make(NewToken(TokenKind.API, "ann", "ann"))
    make(NewToken(TokenKind.JOIN, "n1"))
    [ann, _] = sorted(store.transact(lambda s: tokens.views(s, START)), key=lambda view: view.name)
    assert (ann.name, ann.used_at) == ("ann", None)
    for seconds, used in ((5, 5), (30, 5), (70, 70)):
        at = START + timedelta(seconds=seconds)
        store.transact(lambda s, at=at: tokens.verify_api(s, secret, at))
        view = next(each for each in store.transact(lambda s: tokens.views(s, START)) if each.name == "ann")
        assert view.used_at == START + timedelta(seconds=used)
    assert [view.name for view in store.transact(lambda s: tokens.views(s, START + timedelta(hours=1)))] == ["ann"]
    store.transact(lambda s: tokens.revoke(s, ann.id, "person:admin", START))
    for token in (ann.id, ann.id[:5], "", "%"):
        with pytest.raises(NotFound):
            store.transact(lambda s, token=token: tokens.revoke(s, token, "person:admin", START))

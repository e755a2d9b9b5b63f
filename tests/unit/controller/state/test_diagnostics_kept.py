"""Diagnostics in the controller: asked for, given to nodes, kept, judged, scheduled."""

from datetime import timedelta

import pytest
from fakes.simulated_cluster import SimulatedCluster, job_spec

from controller.config import DiagnosticsConfig
from controller.errors import Invalid, NotFound
from controller.state import diagnostics
from controller.state.operations import Actor
from remediations.engine import Engine
from remediations.operator import RulingAgainst
from remediations.playbook import shipped
from wire.api import DiagnoseRequest, Mode, NodePhase, RunPhase
from wire.diagnostics import Figure

GOOD = Figure("gemm_float32", "cpu", 1.0, "TFLOP/s", True, "some CPU")
WRONG = Figure("gemm_float32", "cpu", 1.0, "TFLOP/s", False, "some CPU", "wrong result", wrong=True)
SCHEDULE = Actor("mainstay:schedule")


def ask(cluster, node="n1", **fields):
    run = cluster.operate().diagnose(node, DiagnoseRequest(**fields), Engine(shipped()))
    cluster.run(2)
    return next(each for each in cluster.runs() if each.id == run)


def figures(cluster, node, run=None):
    return cluster.store.transact(lambda s: diagnostics.of_node(s, node, run))


def propose(cluster, **fields):
    config = DiagnosticsConfig(**fields)
    return cluster.operate(SCHEDULE).propose_diagnostics(Engine(shipped()), config)


def later(cluster, by):
    cluster.utc += by
    cluster.run(1)


def test_what_a_person_asks_for_is_a_run_whose_figures_are_kept(cluster):
    cluster.nodes["n1"].figures = [GOOD]
    run = ask(cluster, only=["gemm"])
    assert run.phase is RunPhase.SUCCEEDED
    assert [order.names for order in cluster.nodes["n1"].diagnosed] == [["gemm"]]
    assert [(each.name, each.value, each.run) for each in figures(cluster, "n1")] == [("gemm_float32", 1.0, run.id)]
    assert cluster.node("n1").diagnostics == figures(cluster, "n1")
    assert [incident.closed_at is None for incident in cluster.incidents()] == [False]


def test_a_pair_meets_where_the_first_of_them_listens(cluster):
    assert ask(cluster, "n1", peer="n2", only=["disk"]).phase is RunPhase.SUCCEEDED
    (first,), (second,) = cluster.nodes["n1"].diagnosed, cluster.nodes["n2"].diagnosed
    assert (first.names, second.names) == (["disk", "all_reduce"], ["all_reduce"])
    assert (first.pair.peer, first.pair.rank) == ("n2", 0)
    assert (second.pair.peer, second.pair.rank) == ("n1", 1)
    assert (first.pair.address, first.pair.port) == (second.pair.address, second.pair.port)
    assert first.pair.address == "10.0.0.1"


def test_a_node_with_a_job_is_left_alone_unless_a_person_says_so(cluster):
    job = cluster.submit(job_spec(nodes=2))
    cluster.run(1)
    busy = cluster.job(job).nodes[0]
    with pytest.raises(RulingAgainst) as refusal:
        ask(cluster, busy)
    assert refusal.value.ruling.reason == "node_busy"
    with pytest.raises(RulingAgainst):
        ask(cluster, "n4", peer=busy)
    assert ask(cluster, busy, during_job=True).phase is RunPhase.SUCCEEDED


def test_what_makes_no_sense_is_told_by_name(cluster):
    with pytest.raises(NotFound, match="n9"):
        ask(cluster, "n1", peer="n9")
    with pytest.raises(Invalid, match="peer"):
        ask(cluster, "n1", peer="n1")
    with pytest.raises(Invalid, match="peer"):
        ask(cluster, "n1", only=["all_reduce"])


def test_a_node_that_computes_wrongly_is_held_until_a_person_has_it_checked_again(cluster):
    cluster.nodes["n1"].figures = [WRONG]
    assert ask(cluster, "n1").phase is RunPhase.FAILED
    cluster.run(1)
    assert [hold.owner for hold in cluster.node("n1").holds] == ["mainstay:silent-corruption"]

    cluster.operate().uncordon("n1")
    assert cluster.node("n1").holds

    cluster.operate().repair("n1", Engine(shipped()))
    cluster.run(2)
    assert cluster.node("n1").phase is NodePhase.REPAIRING  # it still does

    cluster.nodes["n1"].figures = [GOOD]
    cluster.operate().repair("n1", Engine(shipped()))
    cluster.run(2)
    assert (cluster.node("n1").phase, cluster.node("n1").holds) == (NodePhase.READY, [])


def test_a_node_that_returns_is_measured_quickly_before_it_rejoins(cluster):
    cluster.nodes["n4"].die()
    cluster.run(6)
    cluster.nodes["n4"].connect()
    cluster.run(3)
    assert cluster.node("n4").phase is NodePhase.READY
    assert [(order.quick, order.names) for order in cluster.nodes["n4"].diagnosed] == [
        (True, ["disk", "gemm", "host_device_copy"])
    ]


def test_the_schedule_measures_idle_nodes_in_pairs_a_few_at_a_time(cluster):
    assert propose(cluster) == []
    later(cluster, timedelta(days=7))
    (turn,) = propose(cluster, at_once=1)
    assert turn.peer is not None
    assert propose(cluster, at_once=1) == []  # it is still under way
    cluster.run(2)
    assert cluster.runs()[-1].phase is RunPhase.SUCCEEDED
    assert turn.node not in [each.node for each in propose(cluster, at_once=4)]


def test_in_shadow_a_turn_is_recorded_once_and_not_again_and_again(tmp_path):
    cluster = SimulatedCluster(tmp_path, 2, mode=Mode.SHADOW)
    later(cluster, timedelta(days=7))
    turns = propose(cluster)
    cluster.run(1)
    assert turns
    assert [run.phase for run in cluster.runs()] == [RunPhase.SHADOW] * len(turns)
    assert cluster.nodes["n1"].diagnosed == []
    assert [each.node for each in propose(cluster) if each.node in {turn.node for turn in turns}] == []


def test_who_was_slow_and_is_not_any_more_leaves_no_incident_open(tmp_path):
    cluster = SimulatedCluster(tmp_path, 5)
    for name, node in cluster.nodes.items():
        node.figures = [Figure("gemm_float32", "cpu", 0.5 if name == "n5" else 1.0, "TFLOP/s", True, "some CPU")]
        ask(cluster, name)
    cluster.run(1)
    assert [each.finding for each in cluster.incidents() if each.closed_at is None] == ["slow_node"]
    cluster.nodes["n5"].figures = [GOOD]
    later(cluster, timedelta(seconds=60))
    ask(cluster, "n5")
    assert [each.finding for each in cluster.incidents() if each.closed_at is None] == []

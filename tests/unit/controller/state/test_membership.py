"""Who belongs to the fleet: retired nodes, machines that join under an old name, and nodes a person has put right."""

from datetime import timedelta

import pytest
from fakes.simulated_cluster import SimulatedCluster, job_spec

from controller.errors import NotFound, Refused
from controller.state import membership, views
from controller.state.why import why
from remediations.engine import Engine
from remediations.operator import RulingAgainst
from remediations.playbook import shipped
from wire.api import AcceleratorKind, Health, JobPhase, Mode, NodePhase, OrderState, RunPhase
from wire.attempts import FailureKind
from wire.conditions import Condition, Severity, Status
from wire.messages import Accelerator, AcceleratorsChanged, ConditionChanges
from wire.orders import ClearCondition


def running_job(cluster, spec=None):
    job = cluster.submit(spec or job_spec())
    cluster.run(1)
    cluster.train(job, 1, to=12, checkpoint=10)
    return job


def join(cluster, name, fingerprint="g"):
    cluster.store.transact(lambda s: membership.register(s, name, fingerprint, "a", cluster.utc))
    cluster.nodes[name].fingerprint = fingerprint


def repair(cluster, name):
    cluster.operate().repair(name, Engine(shipped()))
    cluster.run(3)


def refused(call, *arguments):
    with pytest.raises(RulingAgainst) as refusal:
        call(*arguments)
    return refusal.value.ruling.reason


def in_service(cluster, name):
    node = cluster.node(name)
    return (node.phase, node.health, node.holds) == (NodePhase.READY, Health.HEALTHY, [])


def fail_validation(cluster, name):
    node = cluster.nodes[name]
    node.die()
    cluster.run(6)
    node.unfit = True
    node.connect()
    cluster.run(3)
    assert cluster.node(name).phase is NodePhase.REPAIRING
    return node


# -- clear


def order(cluster, key):
    return cluster.store.transact(lambda s: views.order_view(s, key))


def say_fault(cluster, name, *components):
    condition = Condition(
        "GpuRowRemapFailed",
        Status.TRUE,
        Severity.CRITICAL,
        "remap_failed",
        "m",
        cluster.utc,
        1,
        cluster.utc + timedelta(minutes=5),
        components=list(components),
    )
    cluster.nodes[name]._say(ConditionChanges([condition]))
    cluster.run(1)


def test_a_fault_is_cleared_by_an_order_to_its_node(cluster):
    say_fault(cluster, "n1", "GPU-1", "GPU-2")
    key = cluster.operate().clear("n1", "GpuRowRemapFailed", ["GPU-2"], "exchanged")
    cluster.run(2)
    told = ClearCondition("GpuRowRemapFailed", 1, "person:ann", "exchanged", ["GPU-2"])
    assert cluster.nodes["n1"].cleared == [told]
    view = order(cluster, key)
    chain = cluster.store.transact(lambda s: why(s, "node", "n1", cluster.seen())).chain
    assert (view.state, view.asked_by, view.node) == (OrderState.DONE, "person:ann", "n1")
    assert "person:ann clears GpuRowRemapFailed of GPU-2: exchanged" in [link.text for link in chain]


def test_each_clearing_is_an_order_of_its_own(cluster):
    say_fault(cluster, "n1", "GPU-1")
    keys = [cluster.operate().clear("n1", "GpuRowRemapFailed", [], "exchanged") for _ in range(2)]
    cluster.run(2)
    assert len(set(keys)) == len(cluster.nodes["n1"].cleared) == 2


def test_a_clearing_that_never_left_expires(cluster):
    say_fault(cluster, "n1", "GPU-1")
    cluster.nodes["n1"].die()
    key = cluster.operate().clear("n1", "GpuRowRemapFailed", [], "exchanged")
    cluster.run(70)
    cluster.nodes["n1"].connect()
    cluster.run(2)
    assert order(cluster, key).state is OrderState.EXPIRED
    assert cluster.nodes["n1"].cleared == []


def test_what_is_not_there_cannot_be_cleared(cluster):
    with pytest.raises(NotFound, match="no GpuRowRemapFailed on n1: there is none"):
        cluster.operate().clear("n1", "GpuRowRemapFailed", [], "exchanged")
    say_fault(cluster, "n1", "GPU-1")
    with pytest.raises(NotFound, match="no DiskFull on n1: there are GpuRowRemapFailed"):
        cluster.operate().clear("n1", "DiskFull", [], "emptied")
    with pytest.raises(NotFound, match="not about GPU-9; it names GPU-1"):
        cluster.operate().clear("n1", "GpuRowRemapFailed", ["GPU-9"], "exchanged")
    with pytest.raises(NotFound, match="no node"):
        cluster.operate().clear("n77", "GpuRowRemapFailed", [], "exchanged")


# -- retire


def test_a_retired_node_is_no_node_of_the_fleet_until_it_joins_anew(cluster):
    cluster.operate().retire("n4", "sold", False)
    cluster.nodes["n4"].kill_agent()
    cluster.run(10)
    view = cluster.node("n4")
    assert (view.phase, view.health, view.health_reason) == (NodePhase.RETIRED, Health.UNKNOWN, "retired")
    assert cluster.runs() == []
    assert cluster.store.transact(membership.fingerprints)["n4"] == ""
    cluster.nodes["n4"].connect()
    cluster.run(2)
    assert cluster.node("n4").phase is NodePhase.RETIRED
    join(cluster, "n4")
    assert cluster.node("n4").phase is NodePhase.JOINING
    cluster.nodes["n4"].connect()
    cluster.run(2)
    assert in_service(cluster, "n4")


def test_a_node_that_runs_a_part_is_not_retired_until_it_is_drained(cluster):
    job = running_job(cluster)
    assert refused(cluster.operate().retire, "n1", "old", False) == "node_busy"
    cluster.operate().drain("n1", "old")
    cluster.operate().stop_job(job)
    cluster.run(3)
    cluster.operate().retire("n1", "old", False)
    assert cluster.node("n1").phase is NodePhase.RETIRED
    assert refused(cluster.operate().retire, "n1", "old", False) == "node_retired"
    assert refused(cluster.operate().drain, "n1", "old") == "node_retired"


def test_a_lost_node_is_retired_and_its_findings_end(cluster):
    cluster.nodes["n4"].die()
    cluster.run(6)
    cluster.operate().retire("n4", "burnt", False)
    cluster.run(3)
    node = cluster.node("n4")
    assert (node.phase, node.holds) == (NodePhase.RETIRED, [])
    assert {run.phase for run in cluster.runs()} == {RunPhase.SUCCEEDED}


def test_a_persons_word_that_the_machine_is_off_lets_its_job_go_on(cluster):
    job = running_job(cluster, job_spec(nodes=1))
    cluster.nodes["n1"].silent = True
    cluster.run(8)
    assert cluster.job(job).attempt == 1
    assert refused(cluster.operate().retire, "n1", "burnt", False) == "node_busy"
    cluster.operate().retire("n1", "burnt", True)
    cluster.run(3)
    view = cluster.job(job)
    assert (view.attempt, view.nodes) == (2, ["n2"])
    assert view.attempts[0].parts[0].proof == "person_vouched"


def test_nobody_vouches_that_a_machine_is_off_which_is_in_contact(cluster):
    running_job(cluster)
    assert refused(cluster.operate().retire, "n1", "old", True) == "node_in_contact"


def test_limits_do_not_count_the_retired(tmp_path):
    from controller.config import Limits

    cluster = SimulatedCluster(tmp_path, names=6, limits=Limits(breaker_min_nodes=2, breaker_share=0.5))
    for name in ("n3", "n4", "n5", "n6"):
        cluster.operate().retire(name, "sold", False)
        cluster.nodes[name].kill_agent()
    for name in ("n1", "n2"):
        cluster.nodes[name].die()
    cluster.run(6)
    assert {run.reason for run in cluster.runs()} == {"breaker_open"}
    cluster.store.close()


# -- join


def test_no_machine_joins_under_the_name_of_one_that_may_still_run_work(cluster):
    job = running_job(cluster)
    cluster.nodes["n2"].silent = True
    cluster.run(1)
    with pytest.raises(Refused) as refusal:
        join(cluster, "n2")
    assert refusal.value.reason == "node_busy"
    assert f"{job}.1" in str(refusal.value)
    assert "--machine-is-off" in str(refusal.value)
    assert cluster.store.transact(membership.fingerprints)["n2"] == "f"


def test_a_machine_joins_under_the_name_of_one_whose_parts_have_stopped(cluster):
    job = running_job(cluster)
    cluster.nodes["n2"].die()
    for peer in ("n1", "n3"):
        cluster.nodes[peer].fail((job, 1), FailureKind.PEER)
    cluster.run(6)
    assert cluster.node("n2").jobs == []
    join(cluster, "n2")


# -- repair


def test_a_node_whose_validation_failed_is_tried_again_without_anybody_asking(cluster):
    node = fail_validation(cluster, "n4")
    cluster.run(60)
    assert cluster.node("n4").phase is NodePhase.REPAIRING
    tries = len(cluster.runs())
    node.unfit = False
    cluster.run(120, step=1)
    assert in_service(cluster, "n4")
    assert len(cluster.runs()) == tries + 1


def test_a_person_has_a_node_checked_and_put_back_in_service(cluster):
    node = fail_validation(cluster, "n4")
    node.unfit = False
    repair(cluster, "n4")
    assert in_service(cluster, "n4")
    run = cluster.runs()[-1]
    assert (run.playbook, run.phase, run.cause) == (
        "returned-node",
        RunPhase.SUCCEEDED,
        "person:ann wants n4 checked and put back in service",
    )
    decided = [event.message for event in cluster.events() if event.kind == "decision" and event.run == run.id]
    assert decided[0] == "person:ann stop_leftovers node:n4: allow"
    [lifted] = [event for event in cluster.events() if event.kind == "hold_lifted"]
    assert lifted.message.startswith("by person:ann")


@pytest.mark.parametrize("mode", [Mode.SHADOW, Mode.OFF, Mode.APPROVE])
def test_a_persons_repair_is_bound_by_no_mode(cluster, mode):
    cluster.nodes["n4"].die()
    cluster.run(6)
    cluster.operate().set_automation(mode)
    cluster.nodes["n4"].connect()
    cluster.run(3)
    assert cluster.node("n4").phase is NodePhase.DRAINED
    for run in cluster.runs():
        if run.phase is RunPhase.WAITING:
            cluster.operate().abort_run(run.id, "by hand")
    repair(cluster, "n4")
    assert in_service(cluster, "n4")


def test_what_needs_no_repair_or_cannot_have_it_is_told_so(cluster):
    engine = Engine(shipped())
    assert refused(cluster.operate().repair, "n4", engine) == "node_in_service"
    cluster.nodes["n4"].die()
    cluster.run(6)
    assert refused(cluster.operate().repair, "n4", engine) == "node_gone_again"
    cluster.operate().retire("n4", "burnt", False)
    assert refused(cluster.operate().repair, "n4", engine) == "node_retired"
    with pytest.raises(NotFound, match="no node 'n9'"):
        cluster.operate().repair("n9", engine)


def test_a_repair_that_fails_leaves_the_node_out_of_service(cluster):
    fail_validation(cluster, "n4")
    repair(cluster, "n4")
    run = cluster.runs()[-1]
    assert (run.phase, run.reason, cluster.node("n4").phase) == (
        RunPhase.FAILED,
        "checks_failed",
        NodePhase.REPAIRING,
    )


def test_jobs_go_on_while_nodes_are_retired_and_repaired(cluster):
    job = running_job(cluster)
    fail_validation(cluster, "n4")
    cluster.operate().retire("n4", "sold", False)
    cluster.train(job, 1, to=20)
    assert (cluster.job(job).phase, cluster.job(job).attempt) == (JobPhase.RUNNING, 1)


# -- accelerators


def test_accelerators_are_kept_until_the_node_tells_of_others(cluster):
    """A hello that can't tell yet takes none away; work can be placed on those that are there now."""
    h200 = [Accelerator(f"GPU-{n}", "H200", 141 * 2**30) for n in range(3)]
    node = cluster.nodes["n1"]
    node._say(AcceleratorsChanged(h200))
    cluster.run(1)
    node.connect()
    cluster.run(1)
    view = cluster.node("n1")
    assert (view.accelerators, view.accelerator_kinds) == (3, [AcceleratorKind("H200", 141 * 2**30, 3)])
    node._say(AcceleratorsChanged(h200[1:]))
    cluster.run(1)
    job = cluster.submit(job_spec(nodes=1, accelerators_per_node=2))
    cluster.run(3)
    assert [key[0] for key in node.launches] == [job]

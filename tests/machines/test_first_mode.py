"""A new installation takes nothing out of service by itself, and brings training back from its first day."""

import pytest

from wire.api import Mode, NodePhase


@pytest.fixture
def as_installed(cluster):
    cluster.set_automation(cluster.first_mode)
    yield cluster
    cluster.set_automation(Mode.AUTO)


def test_a_lost_nodes_job_is_relaunched_and_what_else_would_be_done_is_only_recorded(as_installed):
    cluster = as_installed
    assert cluster.automation().mode is Mode.SHADOW
    job = cluster.given_a_witnessed_job("first-day")
    victim = cluster.node_of(job, 1)

    cluster.nodes[victim].kill()

    resumed = cluster.then_it_resumes(job, attempt=2)
    assert victim not in resumed.nodes
    node = cluster.node(victim)
    assert (node.phase, node.holds) == (NodePhase.READY, [])
    assert {"hold", "drain"} <= set(cluster.automation().held_back)

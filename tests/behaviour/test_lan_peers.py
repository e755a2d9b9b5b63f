"""Nodes that measure each other, from the controller's word to the condition."""

import os
import signal

import pytest
from harness import eventually, given_cluster

from wire.conditions import Status


@pytest.fixture(scope="module")
def trio():
    with given_cluster(["n1", "n2", "n3"]) as cluster:
        cluster.kill_controller()
        with cluster.controller_config.open("a") as config:
            config.write("[peers]\nevery_s = 0.5\n")
        cluster.start_controller()
        for node in cluster.nodes.values():
            with node.config.open("a") as config:
                config.write("[sensors.lan_peers]\nevery_s = 0.5\ntimeout_s = 0.5\n")
            os.kill(node.agent.pid, signal.SIGHUP)
        yield cluster


def reached(cluster, name):
    conditions = cluster.node(name).conditions
    found = next((each for each in conditions if each.type == "PeerUnreachable"), None)
    return found is not None and found.status is Status.FALSE and found.reason == "peers_answer"


def test_every_node_is_told_its_peers_and_reaches_them(trio):
    for name in trio.nodes:
        eventually(f"{name} reaches its peers", lambda name=name: reached(trio, name), 40)


def test_who_hears_of_no_peers_any_more_says_nothing_of_them(trio):
    for name in ("n2", "n3"):
        trio.nodes[name].kill_agent()

    eventually("n1 has no peers", lambda: not reached(trio, "n1"), 40)

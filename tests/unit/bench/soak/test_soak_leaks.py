"""What is left over is found, with real processes."""

import os
import subprocess
import sys
from collections import Counter

import psutil
import pytest

from bench.soak.leaks import descriptors, grown, processes_left
from cli.demo import account, layout
from cli.demo.cluster import Cluster
from cli.processes import Daemon

WAITS = "import sys; sys.stdin.read()"


@pytest.fixture
def cluster(tmp_path):
    return Cluster(layout.make(tmp_path / "cluster"), account.choose({}))


@pytest.fixture
def waiting():
    """Starts a process that lives until the test ends."""
    started = []

    def start(*argv, **environment):
        made = subprocess.Popen(
            [sys.executable, "-c", WAITS, *argv], stdin=subprocess.PIPE, env={**os.environ, **environment}
        )
        started.append(made)
        return made

    yield start
    for each in started:
        each.communicate(timeout=10)


def test_more_of_what_was_there_and_what_is_new_has_grown():
    before = {"n1": Counter({"socket": 3, "/log": 1}), "n2": Counter({"socket": 3})}
    after = {"n1": Counter({"socket": 5, "/db": 1}), "n2": Counter({"socket": 2})}
    assert grown(before, after) == {"n1": Counter({"socket": 2, "/db": 1})}


def test_a_pool_that_fills_has_not_grown_one_that_overflows_has():
    before = {"controller": Counter({"/state/controller.db": 2, "/state/controller.db-wal": 2})}
    full = {"controller": Counter({"/state/controller.db": 5, "/state/controller.db-wal": 5})}
    assert grown(before, full) == {}
    assert grown(before, {"controller": Counter({"/state/controller.db": 7})}) == {
        "controller": Counter({"/state/controller.db": 2})
    }


def test_the_descriptors_of_a_daemon_are_counted_by_what_they_lead_to(cluster, waiting):
    process = waiting()
    cluster.daemons["n1"] = Daemon("n1", process.pid, psutil.Process(process.pid).create_time())
    assert descriptors(cluster)["n1"]["pipe"] >= 1


def test_a_process_that_names_the_cluster_is_left_over_unless_it_is_a_daemon(cluster, waiting):
    by_argument = waiting(f"{cluster.layout.root}/n1/attempts/j-1.1")
    by_environment = waiting(MAINSTAY_WORKER_DIR=f"{cluster.layout.root}/n1/work")
    daemon = waiting(f"{cluster.layout.root}/n1.toml")
    waiting(f"{cluster.layout.root}-of-another/n1")
    cluster.daemons["n1"] = Daemon("n1", daemon.pid, psutil.Process(daemon.pid).create_time())
    assert {int(told.split()[0]) for told in processes_left(cluster)} == {by_argument.pid, by_environment.pid}


def test_a_child_that_a_daemon_has_not_waited_for_is_left_over(cluster, waiting):
    child = waiting()
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # it has ended, and stays a zombie
    cluster.daemons["n1"] = Daemon("n1", os.getpid(), psutil.Process().create_time())
    assert [told for told in processes_left(cluster) if told.startswith(f"{child.pid} zombie")]

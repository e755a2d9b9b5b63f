"""A fresh cluster of four nodes for each test; torn down by pid, its logs shown when the test fails."""

import itertools
import os
import shutil
import sys
import tempfile
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from harness import ProcessCluster

_subnets = itertools.count(20 + os.getpid() % 200)


@pytest.fixture
def cluster(request):
    directory = Path(tempfile.mkdtemp(prefix="mainstay-"))
    made = ProcessCluster(directory, ["n1", "n2", "n3", "n4"], next(_subnets) % 250 + 1)
    try:
        made.start()
        yield made
    finally:
        made.tear_down()
        if request.node.rep_call_failed if hasattr(request.node, "rep_call_failed") else True:
            _show_logs(made)
        shutil.rmtree(directory, ignore_errors=True)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if call.when == "call":
        item.rep_call_failed = report.failed
    return report


def _show_logs(cluster):
    for daemon in [cluster.controller, *(node.agent for node in cluster.nodes.values())]:
        print(f"--- {daemon.log.parent.name}/{daemon.log.name}\n{daemon.said()[-3000:]}")

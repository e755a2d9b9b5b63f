"""A fresh cluster of four nodes for each test; its logs are shown when the test fails."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from harness import given_cluster

FAILED = pytest.StashKey[bool]()


@pytest.fixture
def cluster(request):
    with given_cluster(["n1", "n2", "n3", "n4"]) as made:
        yield made
        if request.node.stash.get(FAILED, False):
            made.show_logs()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if call.when == "call":
        item.stash[FAILED] = report.failed
    return report

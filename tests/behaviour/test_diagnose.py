"""Diagnostics that a person asks for, from the command line to the node's disk and back."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from harness import eventually, given_cluster

from wire.api import RunPhase

DISTURBED = 4  # exit status: refused by a rule


@pytest.fixture(scope="module")
def pair():
    with given_cluster(["n1", "n2"]) as cluster:
        yield cluster


def mainstay(house, *words):
    state = house.directory / "controller"
    environment = {
        "PATH": "/usr/bin:/bin",
        "MAINSTAY_API": f"{house.host}:7400",
        "MAINSTAY_TOKEN_FILE": str(state / "admin.token"),
        "MAINSTAY_CA": str(state / "ca" / "ca.pem"),
    }
    command = str(Path(sys.executable).parent / "mainstay")
    return subprocess.run([command, *words], env=environment, capture_output=True, text=True, timeout=90)


def test_an_idle_node_is_measured_and_remembers_it(pair):
    done = mainstay(pair, "node", "diagnose", "n1", "--only", "disk,memory_bandwidth", "--wait")

    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].split() == ["FIGURE", "OF", "VALUE", "RESULT", "MESSAGE"]
    assert {"disk_write", "disk_read", "disk_sync", "memory_bandwidth_host"} <= {line.split()[0] for line in lines[1:]}
    assert all(len(line) <= 80 for line in lines)
    assert "4 figures, 0 bad" in mainstay(pair, "node", "show", "n1").stdout
    assert "diagnostics on n1: 4 figures" in mainstay(pair, "why", "n1").stdout
    assert pair.runs()[-1].phase is RunPhase.SUCCEEDED
    assert not list((pair.nodes["n1"].directory / "state").glob("diagnostics-*"))


def test_what_needs_torch_is_skipped_without_it_and_harms_nothing(pair):
    done = mainstay(pair, "node", "diagnose", "n2", "--only", "gemm", "--wait", "-o", "json")

    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    assert figures
    assert all(figure["ok"] is not False for figure in figures)


def test_an_unknown_diagnostic_fails_by_name(pair):
    done = mainstay(pair, "node", "diagnose", "n1", "--only", "astrology", "--wait")

    assert done.returncode == 1
    assert "no diagnostic 'astrology'" in done.stderr


def test_a_node_that_runs_a_job_is_left_alone(pair):
    job = pair.given_a_running_job(nodes=2)

    refused = mainstay(pair, "node", "diagnose", "n1", "--only", "disk", "--wait")
    asked = mainstay(pair, "node", "diagnose", "n1", "--only", "disk", "--during-job", "--yes", "--wait")

    assert refused.returncode == DISTURBED
    assert job in refused.stderr
    assert asked.returncode == 0, asked.stderr
    assert pair.job(job).attempt == 1
    mainstay(pair, "job", "stop", job, "--yes")
    eventually("the job has stopped", lambda: pair.job(job).ended_at)


def test_a_launch_ends_diagnostics(pair):
    """Whether they had ended by themselves or not: the job starts at its first attempt."""
    run = json.loads(mainstay(pair, "node", "diagnose", "n1", "--only", "memory_bandwidth", "-o", "json").stdout)

    job = pair.given_a_running_job(nodes=2)

    eventually("the run has ended", lambda: next(each for each in pair.runs() if each.id == run["id"]).ended_at)
    assert pair.job(job).attempt == 1

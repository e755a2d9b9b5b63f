"""A fault that sticks until a person says that it is over: from the command line to the node, which looks again."""

import json
import subprocess
import sys

import pytest
from harness import eventually, given_cluster

from wire.conditions import Status

FAILED, NOT_FOUND = 1, 3  # exit statuses
DISK_A, DISK_B = "disk-a", "disk-b"
CHECK = '''"""A disk of ours is broken; somebody must exchange it."""

from enum import StrEnum

import msgspec

from agent.checks import Clears, Steadiness, fault, healthy
from agent.sensors import Cadence
from wire.conditions import Severity

TYPE = "DiskBroken"
ACTION = "exchange it; then mainstay node clear"
CLEARS = Clears.PERSON


class Options(Cadence, frozen=True):
    every_s: float = 0.2
    file: str = "{file}"


class Reading(msgspec.Struct, frozen=True):
    disks: dict[str, bool]


class Thresholds(Steadiness, frozen=True):
    pass


class Reason(StrEnum):
    WHOLE = "whole"
    BROKEN = "broken"


def read(options):
    with open(options.file) as file:
        broken = file.read().split()
    return Reading({{name: name in broken for name in ("disk-a", "disk-b")}})


def judge(window, thresholds):
    return {{name: _one(name, broken) for name, broken in window[-1].reading.disks.items()}}


def _one(name, broken):
    if broken:
        return fault(Severity.WARNING, Reason.BROKEN, f"{{name}} is broken", ACTION)
    return healthy(Reason.WHOLE, f"{{name}} is whole")
'''


@pytest.fixture(scope="module")
def house():
    with given_cluster(["n1"]) as cluster:
        node = cluster.nodes["n1"]
        folder = node.directory / "checks.d"
        folder.mkdir()
        (folder / "disk_broken.py").write_text(CHECK.format(file=node.directory / "broken"))
        given_broken(cluster)
        node.config.write_text(f'site_checks = "{folder}"\n' + node.config.read_text())
        node.kill_agent()
        node.start()
        then_it_is(cluster, Status.FALSE)
        yield cluster


def given_broken(house, *disks):
    (house.nodes["n1"].directory / "broken").write_text(" ".join(disks))


def condition(house):
    return next((each for each in house.node("n1").conditions if each.type == "DiskBroken"), None)


def then_it_is(house, status, *components):
    def seen():
        now = condition(house)
        return now is not None and now.status is status and now.components == list(components)

    eventually(f"DiskBroken is {status} of {components}", seen)


def mainstay(house, *words):
    state = house.directory / "controller"
    environment = {
        "PATH": "/usr/bin:/bin",
        "MAINSTAY_API": f"{house.host}:7400",
        "MAINSTAY_TOKEN_FILE": str(state / "admin.token"),
        "MAINSTAY_CA": str(state / "ca" / "ca.pem"),
    }
    command = [sys.executable, "-m", "cli.main", *words]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=90)


def clear(house, *options):
    return mainstay(house, "node", "clear", "n1", "DiskBroken", "--reason", "exchanged disk", "--wait", *options)


def test_what_is_over_is_cleared_and_who_said_so_is_kept(house):
    given_broken(house, DISK_A)
    then_it_is(house, Status.TRUE, DISK_A)
    given_broken(house)

    done = clear(house)

    assert done.returncode == 0, done.stderr
    assert "DiskBroken is FALSE" in done.stdout
    assert all(len(line) <= 80 for line in done.stdout.splitlines())
    then_it_is(house, Status.FALSE)
    why = " ".join(mainstay(house, "why", "node", "n1", "-o", "wide").stdout.split())
    assert "person:admin may clear_condition node:n1" in why
    assert "person:admin clears DiskBroken: exchanged disk" in why
    assert "clear_condition on n1: done" in why


def test_what_is_still_so_was_never_over(house):
    given_broken(house, DISK_A)
    then_it_is(house, Status.TRUE, DISK_A)
    since = condition(house).since

    done = clear(house)

    assert done.returncode == FAILED
    assert "DiskBroken is TRUE, still so: disk-a is broken" in done.stderr
    assert condition(house).since == since


def test_one_component_is_cleared_and_the_others_stay(house):
    given_broken(house, DISK_A, DISK_B)
    then_it_is(house, Status.TRUE, DISK_A, DISK_B)
    given_broken(house)

    done = clear(house, "--component", DISK_A, "-o", "json")

    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["state"] == "done"
    assert "still TRUE of others: disk-b is broken" in told["message"]
    then_it_is(house, Status.TRUE, DISK_B)
    assert "disk-b" in mainstay(house, "node", "show", "n1").stdout


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("n9", "DiskBroken"), "no node 'n9'"),
        (("n1", "GpuLost"), "no GpuLost on n1: there are"),
        (("n1", "DiskBroken", "--component", "disk-z"), "not about disk-z; it names disk-"),
    ],
)
def test_what_is_not_there_is_told_with_what_is(house, words, says):
    given_broken(house, DISK_B)
    eventually("DiskBroken is TRUE", lambda: condition(house).status is Status.TRUE)
    done = mainstay(house, "node", "clear", *words, "--reason", "r", "--wait")
    assert done.returncode == NOT_FOUND
    assert says in done.stderr
    assert "\n" not in done.stderr.strip()


def test_a_node_that_is_away_cannot_be_told(house):
    given_broken(house, DISK_B)
    eventually("DiskBroken is TRUE", lambda: condition(house).status is Status.TRUE)
    house.nodes["n1"].kill_agent()
    eventually("n1 is out of contact", lambda: house.node("n1").health in ("suspect", "lost"))

    done = clear(house)

    assert done.returncode == FAILED
    assert "n1 is out of contact" in done.stderr
    assert condition(house).status is Status.TRUE

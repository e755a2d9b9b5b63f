"""A fault in the kernel's log, from the line to the controller, whatever is started anew meanwhile."""

import subprocess
import sys
from collections.abc import Iterator

import pytest
from equipped import Kernel, restart
from harness import ProcessCluster, eventually, given_cluster

from wire.api import EventView
from wire.conditions import Condition, Status

GPU = "0000:3b:00"
XID = f"NVRM: Xid (PCI:{GPU}): %d, pid=1, name=python, GPU has fallen off the bus."
OFF_BUS = "GpuXidOffBus"
CORRUPT = "FilesystemCorrupt"
DAMAGED = "EXT4-fs error (device sda2): ext4_find_entry:1455: inode #2: comm python: reading directory lblock 0"


@pytest.fixture
def cluster() -> Iterator[ProcessCluster]:
    with given_cluster(["n1"]) as made:
        yield made


@pytest.fixture
def kernel(cluster: ProcessCluster) -> Kernel:
    """The node's agent follows it."""
    node = cluster.nodes["n1"]
    log = Kernel(node.directory / "kmsg")
    restart(node, log.table)
    return log


def condition(cluster: ProcessCluster, type_: str, status: Status) -> Condition | None:
    found = cluster.node("n1").conditions
    return next((each for each in found if each.type == type_ and each.status is status), None)


def told(cluster: ProcessCluster, code: int) -> list[EventView]:
    return [each for each in cluster.events(node="n1", kind="fault") if f"): {code}," in each.message]


def test_an_xid_is_counted_once_however_often_the_agent_dies(cluster: ProcessCluster, kernel: Kernel) -> None:
    kernel.says("usb 1-1: new high-speed USB device number 2 using xhci_hcd")
    kernel.says(XID % 79)
    found = eventually("the condition is told", lambda: condition(cluster, OFF_BUS, Status.TRUE))
    assert found.components == [GPU]
    assert len(told(cluster, 79)) == 1

    cluster.nodes["n1"].kill_agent()
    kernel.says(XID % 48)  # while nobody listens
    kernel.is_opened_anew()
    cluster.nodes["n1"].start()

    eventually("what came meanwhile is told", lambda: told(cluster, 48))
    assert len(told(cluster, 79)) == 1
    assert condition(cluster, OFF_BUS, Status.TRUE)


def clear(cluster: ProcessCluster, type_: str) -> subprocess.CompletedProcess[str]:
    environment = {
        "PATH": "/usr/bin:/bin",
        "MAINSTAY_API": cluster.api,
        "MAINSTAY_TOKEN_FILE": str(cluster.state / "admin.token"),
        "MAINSTAY_CA": str(cluster.state / "ca" / "ca.pem"),
    }
    argv = [
        sys.executable,
        "-m",
        "cli.main",
        "node",
        "clear",
        "n1",
        type_,
        "--reason",
        "e2fsck found nothing",
        "--wait",
    ]
    return subprocess.run(argv, env=environment, capture_output=True, text=True, timeout=90)


def test_what_a_person_cleared_stays_cleared_until_it_is_told_again(cluster: ProcessCluster, kernel: Kernel) -> None:
    kernel.says(DAMAGED)
    found = eventually("the condition is told", lambda: condition(cluster, CORRUPT, Status.TRUE))
    assert found.components == ["sda2"]

    done = clear(cluster, CORRUPT)

    assert done.returncode == 0, done.stderr
    assert condition(cluster, CORRUPT, Status.FALSE)
    cluster.nodes["n1"].kill_agent()
    kernel.is_opened_anew()
    cluster.nodes["n1"].start()
    kernel.says(XID % 79)  # after all that was told before
    eventually("what came later is told", lambda: condition(cluster, OFF_BUS, Status.TRUE))
    assert condition(cluster, CORRUPT, Status.FALSE)
    kernel.says(DAMAGED)
    eventually("it is told again", lambda: condition(cluster, CORRUPT, Status.TRUE))

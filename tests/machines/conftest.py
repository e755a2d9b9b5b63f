"""Machines with real systemd; one installed cluster for all tests that leave it as they found it."""

from pathlib import Path

import pytest
from machines import image, network, requirements
from machines.cluster import MachineCluster
from machines.machine import CannotBoot, Machine
from machines.slot import Slot, claimed

FAILED = pytest.StashKey[bool]()
HERE = Path(__file__).parent
TIMEOUT_S = 600  # the first test pays for the machines, and for their disks where those are not cached


@pytest.fixture(scope="session")
def slot():
    if why := requirements.lacking():
        pytest.skip(f"no machines here: {why}")
    with claimed() as slot:
        try:
            network.make_bridge(slot.bridge, slot.address(1))
        except network.NoNetwork as why:
            pytest.skip(f"no machines here: {why}")
        yield slot


@pytest.fixture(scope="session")
def layers(slot):
    """What machines are made of, once an empty one has booted."""
    try:
        base = image.base()
        try_to_boot(slot, base)
        below = [image.dependencies(base), base]
    except (image.CannotBuild, CannotBoot) as why:
        pytest.skip(f"no machines here: {why}")
    return [image.installed(slot.directory / "image", image.wheel(made(slot.directory / "wheel")), below), *below]


@pytest.fixture(scope="session")
def machines(slot, layers):
    """One controller and four nodes, Mainstay installed."""
    made = MachineCluster(slot, layers, ["n1", "n2", "n3", "n4"])
    try:
        made.start()
        yield made
    except BaseException:
        made.show_logs()
        raise
    finally:
        made.tear_down()


@pytest.fixture
def cluster(machines, request):
    """The session's, whole; what was broken is mended for the next test, and shown where the test failed."""
    machines.then_it_is_whole()
    yield machines
    if request.node.stash.get(FAILED, False):
        machines.show_logs()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if call.when == "call":
        item.stash[FAILED] = report.failed
    return report


def pytest_collection_modifyitems(items):
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.machines)
            item.add_marker(pytest.mark.timeout(TIMEOUT_S))


def try_to_boot(slot: Slot, base: Path) -> None:
    """Containers, and hosts that hand out no control groups, cannot: a reason to skip. Once it could, nothing is."""
    machine = Machine(slot.name, "try", slot.address(99), slot.bridge, slot.directory / "try", [base], {}, [])
    try:
        machine.start()
    finally:
        machine.remove()


def made(directory: Path) -> Path:
    directory.mkdir()
    return directory

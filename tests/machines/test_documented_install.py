"""Every command that a document shows for a machine is typed there, from blank machines to none of Mainstay left."""

import shutil
from pathlib import Path

import pytest
from fakes import documented
from fakes.documented import Command, Place
from fakes.observed_cluster import FAKES, GANG_WORKER
from machines import network
from machines.image import UID
from machines.machine import Machine
from machines.slot import claimed

NAMES = ["c0", "n1", "n2"]
SHARED = "/shared"
HOME = "/root"
BROUGHT = ("*.token", "ca-fingerprint")  # what a document says to bring from the controller's machine to a node
STEP_S = 120.0

PAGES = [
    page for page in documented.DOCUMENTS if any(each.place is Place.MACHINE for each in documented.commands(page))
]


@pytest.fixture
def blank(layers):
    """Machines with the program on them, and nothing installed; a directory that all of them share."""
    with claimed() as slot:
        network.make_bridge(slot.bridge, slot.address(1))
        addresses = {name: slot.address(10 + number) for number, name in enumerate(NAMES)}
        binds = [f"--bind={shared_directory(slot.directory / 'shared')}:{SHARED}"]
        made = {
            name: Machine(slot.name, name, address, slot.bridge, slot.directory / name, layers, addresses, binds)
            for name, address in addresses.items()
        }
        try:
            for machine in made.values():
                machine.boot()
            for machine in made.values():
                machine.wait_until_running()
            yield made
        except BaseException:
            for machine in made.values():
                print(f"--- {machine.name}\n{machine.journal()}")
            raise
        finally:
            for machine in made.values():
                machine.remove()


def shared_directory(directory: Path) -> Path:
    directory.mkdir()
    shutil.copy(FAKES / GANG_WORKER, directory / "train.py")
    shutil.chown(directory, UID, UID)
    return directory


@pytest.mark.machines
@pytest.mark.timeout(900)
@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(documented.ROOT)))
def test_its_commands_do_what_it_shows(blank, page):
    for name, text in documented.files(page).items():
        blank["c0"].run("tee", name, stdin=text)
    for command in documented.commands(page):
        if command.place is Place.MACHINE and not command.done:
            bring(blank["c0"], blank[command.machine])
            types(blank[command.machine], command)


def bring(source: Machine, target: Machine) -> None:
    for pattern in BROUGHT:
        for file in source.path(HOME).glob(pattern):
            if source is not target:
                shutil.copy(file, target.path(HOME))


def types(machine: Machine, command: Command) -> None:
    line = f"cd {HOME}; {{ {command.line}\n}} 2>&1"
    done = machine.run("bash", "-c", line, check=False, timeout_s=STEP_S)
    assert done.returncode == command.exit_status, f"{command}: exit status {done.returncode}\n{done.stdout}"
    different = documented.difference(command.seen, done.stdout.splitlines())
    assert different is None, f"{command}: {different}\n{done.stdout}"

"""A machine that was controller and node, with a job on it, and is to be neither any more."""

from pathlib import Path

import pytest
from fakes.observed_cluster import eventually
from machines.cluster import PYTHON, SHARED
from machines.image import USER

NAME = "bare"
KINDS = "service,socket,slice,scope,timer,path,target"  # mounts and devices come and go by themselves
PASSING = ("/var/log", "/run/log", "/run/systemd", "/var/lib/systemd", "/root/join.token")


@pytest.fixture
def machine(cluster):
    made = cluster.another_machine(NAME)
    try:
        made.start()
        yield made
    finally:
        made.remove()


def test_uninstall_with_purge_leaves_no_trace(machine):
    before = trace(machine)
    install_everything(machine)
    machine.run("mainstay", "job", "submit", f"{SHARED}/endless.toml")
    eventually("it trains", lambda: any("gang_worker" in " ".join(each.command) for each in machine.processes()))
    assert trace(machine) != before

    machine.run("mainstay", "uninstall", "agent", "--purge", "--yes")
    machine.run("mainstay", "uninstall", "controller", "--purge", "--yes")

    after = trace(machine)
    assert {what: after[what] ^ before[what] for what in before} == {what: set() for what in before}


def test_uninstall_is_refused_while_a_job_runs_here(cluster):
    job = cluster.given_a_witnessed_job("in-the-way")
    node = cluster.nodes[cluster.node_of(job, 0)]

    refused = node.run("mainstay", "uninstall", "agent", "--purge", check=False)

    assert refused.returncode == 4
    assert f"{job}.1" in refused.stderr
    assert cluster.ready(node.name)


def install_everything(machine):
    machine.run("mainstay", "install", "controller", "--admin-user", USER, "--start")
    token = machine.run("mainstay", "token", "create", "--kind", "join", "--name", NAME).stdout
    fingerprint = machine.run("mainstay", "controller", "ca-fingerprint").stdout.strip()
    machine.path("/root/join.token").write_text(token)
    machine.run(
        *("mainstay", "install", "agent", "--node", NAME, "--address", "127.0.0.1", "--api", "localhost:7400"),
        *("--user", USER, "--root", SHARED, "--interpreter", PYTHON),
        *("--token-file", "/root/join.token", "--ca-fingerprint", fingerprint, "--start"),
    )
    machine.run("tee", f"{SHARED}/endless.toml", stdin=job_file())


def job_file() -> str:
    return (
        f'name = "endless"\nscript = "{SHARED}/gang_worker.py"\nnodes = 1\nlauncher = "direct"\n'
        f'interpreter = "{PYTHON}"\nargs = ["--steps", "1000000"]\n'
    )


def trace(machine) -> dict[str, set[str]]:
    """What an installation can leave behind."""
    files = machine.run("find", "/", "/run", "/tmp", "/dev/shm", "-xdev").stdout.splitlines()
    units = machine.run(
        "systemctl", "list-units", "--all", "--plain", "--no-legend", f"--type={KINDS}"
    ).stdout.splitlines()
    unit_files = machine.run("systemctl", "list-unit-files", "--plain", "--no-legend").stdout.splitlines()
    users = [
        *machine.path("/etc/passwd").read_text().splitlines(),
        *machine.path("/etc/group").read_text().splitlines(),
    ]
    return {
        "files": {file for file in files if not file.startswith(PASSING)},
        "units": {unit.split()[0] for unit in units},
        "unit files": {" ".join(file.split()[:2]) for file in unit_files},
        "users": set(users),
        "processes": {Path(each.command[0]).name for each in machine.processes()},
        "control groups": {str(path) for path in machine.control_groups()},
    }

"""Mainstay installed with the commands of the manual, as its users find it."""

import re

from fakes.observed_cluster import eventually
from machines.cluster import CONTROLLER, SHARED
from machines.image import UID, USER

from wire.api import JobPhase

THE_HOSTS = "CpuOverload|FaultSourceLost"  # it may be overloaded, and keeps the kernel's log to itself
NO_CAPABILITY = "0" * 16


def test_every_node_is_listed_as_healthy(cluster):
    lines = cluster.controller.run("mainstay", "node", "list").stdout.splitlines()

    fit = [line.split()[0] for line in lines if re.search(rf"\bready\b +(healthy|degraded +({THE_HOSTS}))\b", line)]
    assert fit == list(cluster.nodes)


def test_a_job_that_a_person_submits_runs_to_its_end(cluster):
    job_file = cluster.shared_here / "short.toml"
    job_file.write_text(
        f'name = "short"\nscript = "{SHARED}/gang_worker.py"\nnodes = 3\nlauncher = "direct"\n'
        f'interpreter = "{cluster.interpreter}"\nargs = ["--steps", "50"]\n'
    )

    cluster.controller.run("mainstay", "job", "submit", f"{SHARED}/short.toml")

    ended = eventually("it ends", lambda: cluster.ended("short"))
    assert (ended.phase, ended.attempt, ended.step) == (JobPhase.SUCCEEDED, 1, 50)


def test_every_daemon_runs_as_the_user_of_its_unit(cluster):
    agents = {name: user_of(machine, "mainstay-agent.service") for name, machine in cluster.nodes.items()}

    assert agents == dict.fromkeys(cluster.nodes, "mainstay-agent")
    assert user_of(cluster.machines[CONTROLLER], "mainstay-controller.service") == "mainstay"


def test_a_part_is_a_scope_of_its_own_and_its_workers_have_no_rights_but_their_users(cluster):
    job = cluster.given_a_witnessed_job("rights")
    node = cluster.nodes[cluster.node_of(job, 0)]

    processes = {process.number: process for process in node.processes()}
    workers = [processes[number] for number in cluster.workers_on(node.name)]
    shim = next(process for process in processes.values() if is_shim(process))

    assert node.unit(f"mainstay-part-{job}.1.scope", "ActiveState") == "active"
    for process in [shim, *workers]:
        assert f"/mainstay-parts.slice/mainstay-part-{job}.1.scope" in process.group
    assert user_name(node, shim) == "mainstay-agent"
    for worker in workers:
        assert set(worker.status["Uid"].split()) == {str(UID)}
        assert user_name(node, worker) == USER
        for kind in ("CapEff", "CapPrm", "CapInh", "CapAmb"):
            assert worker.status[kind] == NO_CAPABILITY, f"{kind} of {worker.command}"


def is_shim(process) -> bool:
    return any("workers/shim" in word for word in process.command)


def user_of(machine, unit: str) -> str:
    return machine.run("ps", "-o", "user:32=", "-p", machine.unit(unit, "MainPID")).stdout.strip()


def user_name(machine, process) -> str:
    return machine.run("ps", "-o", "user:32=", "-p", str(process.number)).stdout.strip()

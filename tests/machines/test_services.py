"""What systemd, an admin and a power button do to an installed cluster, with training under way."""

import os
import signal

from fakes.observed_cluster import eventually
from machines import image
from machines.cluster import SHARED

AGENT = "mainstay-agent.service"


def test_a_rebooted_node_rejoins_by_itself_and_its_job_has_gone_on(cluster):
    job = cluster.given_a_witnessed_job("reboot")
    node = cluster.nodes[cluster.node_of(job, 1)]

    node.reboot()

    cluster.then_training_goes_on(job)
    eventually("it is back in service", lambda: cluster.ready(node.name))
    assert cluster.job(job).attempt == 2
    assert f"{job}.1" not in cluster.workers_on(node.name).values()
    cluster.then_no_two_attempts_stepped_at_once(job)


def test_training_goes_on_while_the_agents_unit_is_stopped(cluster):
    job = cluster.given_a_witnessed_job("stopped")
    node = cluster.nodes[cluster.node_of(job, 0)]
    before = cluster.workers_on(node.name)

    node.run("systemctl", "stop", AGENT)
    cluster.then_training_goes_on(job, steps=200)
    node.run("systemctl", "start", AGENT)

    then_nothing_was_restarted(cluster, node, job, before)


def test_an_agent_is_upgraded_in_place_under_training(cluster, tmp_path):
    job = cluster.given_a_witnessed_job("upgrade")
    node = cluster.nodes[cluster.node_of(job, 0)]
    before, version = cluster.workers_on(node.name), cluster.node(node.name).agent_version
    wheel = image.wheel(tmp_path, version=f"{version}.post1")
    node.put(wheel, f"/root/{wheel.name}")

    node.run("pip", "install", "--no-index", "--no-deps", f"/root/{wheel.name}")
    node.run("mainstay", "install", "agent")
    node.run("systemctl", "restart", AGENT)

    eventually("the new one speaks", lambda: cluster.node(node.name).agent_version == f"{version}.post1")
    then_nothing_was_restarted(cluster, node, job, before)


def test_a_hanging_agent_is_restarted_by_its_watchdog_and_training_goes_on(cluster):
    job = cluster.given_a_witnessed_job("watchdog")
    node = cluster.nodes[cluster.node_of(job, 0)]
    before = cluster.workers_on(node.name)
    impatient(node)
    hanging = node.unit(AGENT, "MainPID")

    node.run("kill", "-STOP", hanging)

    eventually("systemd has another one up", lambda: node.unit(AGENT, "MainPID") not in ("0", hanging))
    assert any("Watchdog timeout" in line for line in node.journal())
    then_nothing_was_restarted(cluster, node, job, before)


def test_a_hold_file_keeps_a_node_out_of_automation_whether_there_is_a_controller_or_not(cluster):
    job = cluster.given_a_witnessed_job("held")
    held = list(cluster.nodes.values())
    cluster.controller.run("systemctl", "stop", "mainstay-controller.service")
    for node in held:
        node.run("touch", "/etc/mainstay/hold")
    kill_worker(cluster, job, rank=1)

    cluster.controller.run("systemctl", "start", "mainstay-controller.service")
    eventually("the controller answers", cluster.answers)

    eventually("the attempt is over", lambda: not any(cluster.workers_on(name) for name in cluster.nodes))
    eventually("it waits", lambda: cluster.waits(job, "waiting_for_nodes"))
    assert cluster.witnessed_attempts(job) == [1]
    for node in held:
        node.run("rm", "/etc/mainstay/hold")
    cluster.then_it_resumes(job, attempt=2)


def test_what_hid_from_a_killed_shim_is_found_by_its_control_group(cluster):
    job = given_a_hiding_job(cluster)
    node = cluster.nodes[cluster.node_of(job, 0)]
    [hidden] = hiding(node, f"{job}.1")
    assert hidden.environment == {}
    [shim] = [process for process in node.processes() if any("workers/shim" in word for word in process.command)]

    os.kill(shim.pid, signal.SIGKILL)

    eventually("nothing of it is left", lambda: not hiding(node, f"{job}.1"))
    eventually("the next attempt runs", lambda: cluster.job(job).attempt == 2 and cluster.job(job).step)


def then_nothing_was_restarted(cluster, node, job, before):
    eventually("its agent is back", lambda: cluster.ready(node.name))
    cluster.then_training_goes_on(job)
    at = cluster.job(job).step or 0
    eventually("it reports again", lambda: cluster.part(job, 1, node.name).step > at)
    assert cluster.workers_on(node.name) == before
    assert cluster.job(job).attempt == 1


def kill_worker(cluster, job: str, rank: int):
    for node in cluster.nodes.values():
        for process in node.processes():
            names = process.environment
            if names.get("MAINSTAY_JOB") == job and names.get("RANK") == str(rank):
                os.kill(process.pid, signal.SIGKILL)


def impatient(node):
    """The unit's own seconds would be most of a minute."""
    node.run("mkdir", "-p", f"/run/systemd/system/{AGENT}.d")
    seconds = "[Service]\nWatchdogSec=3s\nTimeoutStopSec=2s\nRestartSec=100ms\n"
    node.run("tee", f"/run/systemd/system/{AGENT}.d/impatient.conf", stdin=seconds)
    node.run("systemctl", "daemon-reload")
    node.run("systemctl", "restart", AGENT)


def given_a_hiding_job(cluster) -> str:
    script = {"script": f"{SHARED}/hiding_worker.py", "interpreter": cluster.interpreter, "launcher": "direct"}
    job = cluster.submit_as_it_is("hiding", nodes=1, args=["--mark", "hiding-1"], checkpoint=None, **script)
    eventually("it runs", lambda: cluster.job(job).step)
    return job


def hiding(node, mark: str):
    return [process for process in node.processes() if process.command[-1] == mark]

"""What an agent under its real unit, without root's rights, sees of a healthy machine; and `systemctl reload`."""

import json

from fakes.observed_cluster import eventually

from wire.conditions import Status

AGENT = "mainstay-agent.service"
CONFIG = "/etc/mainstay/agent.toml"
# of whose host runs the tests: machines share its processors, memory and disks
OF_THE_HOST = {"CpuOverload", "CpuSteal", "IoStall", "MemoryStall", "MemoryPressure", "DiskFull", "DiskSlow"}
TABLE = "[thresholds.zombie_processes]\n"  # the file has every one
NO_KERNEL_LOG = "FaultSourceLost"  # a machine that is a container has none
CABLE_WAS_CUT = "NetworkFlapping"  # by the tests of honest loss, on these same machines


def test_a_healthy_machine_has_nothing_to_tell_and_nothing_unknown(cluster):
    for name in cluster.nodes:
        amiss = {each.type for each in cluster.node(name).conditions if each.status is not Status.FALSE}
        assert amiss <= OF_THE_HOST | {NO_KERNEL_LOG, CABLE_WAS_CUT}


def test_check_says_the_same_to_root_and_to_the_agents_user(cluster):
    node = cluster.nodes["n1"]
    for user in (None, "mainstay-agent"):
        done = node.run("mainstay-agent", "check", "-o", "json", user=user, check=False)
        amiss = {each["type"] for each in json.loads(done.stdout) if each["status"] != "FALSE"}
        assert amiss <= OF_THE_HOST | {NO_KERNEL_LOG}, done.stdout
        assert done.stderr == ""


def test_reload_takes_what_is_right_and_refuses_what_is_wrong_in_one_line(cluster):
    node = cluster.nodes["n1"]
    first, pid = node.path(CONFIG).read_text(), node.unit(AGENT, "MainPID")
    try:
        before = len(node.journal())
        node.path(CONFIG).write_text(first.replace(TABLE, f"{TABLE}zombies = 'few'\n"))
        node.run("systemctl", "reload", AGENT)
        eventually("it says what is wrong", lambda: said(node, before, "goes on with what it has"))
        [line] = said(node, before, "goes on with what it has")
        assert CONFIG in line
        assert "thresholds.zombie_processes.zombies" in line

        node.path(CONFIG).write_text(first.replace(TABLE, f"{TABLE}zombies = 200\n"))
        node.run("systemctl", "reload", AGENT)
        eventually("it begins anew", lambda: said(node, before, "sensing begins anew"))
        assert node.unit(AGENT, "MainPID") == pid
    finally:
        node.path(CONFIG).write_text(first)
        node.run("systemctl", "reload", AGENT)


def test_the_journal_is_calm(cluster):
    """A line that warns is there once for each start, and no traceback at all."""
    for node in cluster.nodes.values():
        lines = node.journal()
        assert not [line for line in lines if "Traceback" in line]
        starts = sum("Started mainstay-agent.service" in line for line in lines)
        warned = [line.partition(" WARNING ")[2] for line in lines if " WARNING agent.runner" in line]
        assert all(warned.count(text) <= starts for text in warned), warned


def said(node, since: int, words: str) -> list[str]:
    return [line for line in node.journal()[since:] if words in line]

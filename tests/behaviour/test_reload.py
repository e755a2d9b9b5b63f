"""`systemctl reload mainstay-agent` is SIGHUP: a real agent reads its file anew, or says in one line why not."""

import os
import signal

import pytest
from harness import eventually, given_cluster

from wire.conditions import Status

TYPE = "MemoryPressure"
FAST = "\n[sensors.memory]\nevery_s = 0.2\n"
NEVER_ENOUGH = FAST + "[thresholds.memory_pressure]\nwarning = 1.0\nbad = 1\nof = 1\n"
OFTEN_ENOUGH = FAST + "[thresholds.memory_pressure]\nwarning = 0.0\ncritical = 0.0\ngood = 1\n"


@pytest.fixture(scope="module")
def alone():
    with given_cluster(["n1"]) as cluster:
        yield cluster


@pytest.fixture
def first(alone):
    """The file as it was when the agent started; at the end there is memory enough again."""
    text = alone.nodes["n1"].config.read_text()
    yield text
    reload_with(alone, text + OFTEN_ENOUGH)
    then_memory_is(alone, Status.FALSE)
    alone.nodes["n1"].config.write_text(text)


def reload_with(cluster, text):
    """Replace the file as an editor does; gives what the agent has said until now."""
    node = cluster.nodes["n1"]
    fresh = node.config.with_suffix(".new")
    fresh.write_text(text)
    os.replace(fresh, node.config)
    before = node.agent.said()
    os.kill(node.agent.pid, signal.SIGHUP)
    return before


def then_it_says(cluster, before, words):
    """The one line of its log, since then, that has these words."""

    def line():
        return next((each for each in said_since(cluster, before) if words in each), None)

    return eventually(f"the agent says {words!r}", line)


def said_since(cluster, before):
    return cluster.nodes["n1"].agent.said().removeprefix(before).splitlines()


def then_memory_is(cluster, status):
    def turned():
        conditions = {each.type: each for each in cluster.node("n1").conditions}
        return TYPE in conditions and conditions[TYPE].status is status

    eventually(f"{TYPE} is {status}", turned)


def test_thresholds_are_read_anew(alone, first):
    agent = alone.nodes["n1"].agent
    pid = agent.pid
    then_memory_is(alone, Status.FALSE)

    before = reload_with(alone, first + NEVER_ENOUGH)

    then_memory_is(alone, Status.TRUE)
    then_it_says(alone, before, "sensing begins anew")
    reload_with(alone, first + OFTEN_ENOUGH)
    then_memory_is(alone, Status.FALSE)
    assert agent.process.poll() is None
    assert agent.pid == pid


@pytest.mark.parametrize(
    ("top", "tables", "named"),
    [
        ("", "[thresholds.memory_pressure]\nwarning = 7\n", "thresholds.memory_pressure.warning"),
        ("", "[thresholds.memory_presure]\nwarning = 0.5\n", "thresholds.memory_presure"),
        ("", "[sensors.memory\n", "TOML"),
        ("colour = 'blue'\n", "", "colour"),
    ],
)
def test_a_wrong_file_is_refused_in_one_line_and_changes_nothing(alone, first, top, tables, named):
    """With any of these files taken, or half of it, there would be memory enough."""
    reload_with(alone, first + NEVER_ENOUGH)
    then_memory_is(alone, Status.TRUE)

    before = reload_with(alone, top + first + tables)

    line = then_it_says(alone, before, "the agent goes on with what it has")
    assert str(alone.nodes["n1"].config) in line
    assert named in line
    reload_with(alone, first + NEVER_ENOUGH + "[thresholds.memory_stall]\nbad = 1\n")
    then_it_says(alone, before, "sensing begins anew")
    since = said_since(alone, before)
    assert sum("goes on with what it has" in each for each in since) == 1
    assert not any("Traceback" in each for each in since)
    turned = [event.message for event in alone.events(node="n1") if event.kind == "condition" and TYPE in event.message]
    assert "FALSE" not in turned[-1]


def test_what_cannot_change_while_the_agent_runs_is_named_and_the_rest_taken(alone, first):
    hold = alone.nodes["n1"].directory / "hold"
    changed = first.replace(f'hold_file = "{hold}"', f'hold_file = "{hold}-elsewhere"')

    before = reload_with(alone, changed + NEVER_ENOUGH + "[intervals]\ncondition_life_s = 60.0\n")

    line = then_it_says(alone, before, "takes effect when the agent is started anew")
    assert str(alone.nodes["n1"].config) in line
    assert "hold_file" in line
    assert "intervals" in line
    assert "thresholds" not in line
    then_memory_is(alone, Status.TRUE)

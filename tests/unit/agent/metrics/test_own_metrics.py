"""What the agent says of itself."""

from datetime import timedelta
from typing import Any

import pytest

from agent.checks import Verdict
from agent.conditions import Book
from agent.faults import Sighting, table
from agent.faults.watch import FaultWatch
from agent.metrics.own import Channel, Own
from agent.metrics.shown import Left
from agent.probe import Look
from agent.sensors import Batch, Family
from agent.settling import Folded
from agent.tally import LookEnd, Tally
from wire.conditions import Severity, Status

LIFE = timedelta(seconds=300)


class Nowhere:
    """Faults are kept in memory alone."""

    def keep_faults(self, *_: Any) -> None: ...
    def forget_faults(self, *_: Any) -> None: ...


class Agent:
    def __init__(self, clock: Any) -> None:
        self.clock, self.book, self.tally = clock, Book(LIFE), Tally()
        self.faults = FaultWatch(table.own(), [], 1, {}, "boot", clock, Nowhere(), 300.0)
        self.newest: dict[str, Look] = {}
        self.answers: dict[tuple[str, str], int] = {}
        channel = Channel(lambda: True, lambda: 7, lambda: 4096, lambda: 2, self.answers)
        self.own = Own("n1", clock, self.book, self.faults, self.tally, lambda: self.newest, channel)

    def judge(self, type_: str, status: Status, severity: Severity, *components: str) -> None:
        verdict = Verdict(status, severity, "reason", "message")
        self.book.judged(type_, Folded(verdict, list(components)), self.clock.utc())

    def families(self, left: dict[Left, int] | None = None) -> dict[str, Family]:
        return {family.name: family for family in self.own(left or {})}

    def samples(self, name: str) -> list[Any]:
        return list(self.families()[name].samples)


@pytest.fixture
def agent(clock: Any) -> Agent:
    return Agent(clock)


def test_a_condition_shows_what_it_is_now(agent: Agent) -> None:
    agent.judge("GpuHot", Status.TRUE, Severity.CRITICAL, "GPU-1", "GPU-2")
    agent.judge("DiskFull", Status.FALSE, Severity.INFO)
    agent.judge("ClockOffset", Status.UNKNOWN, Severity.WARNING)
    assert agent.samples("mainstay_condition") == [
        ({"type": "ClockOffset", "status": "unknown", "severity": "warning"}, 1.0),
        ({"type": "DiskFull", "status": "false", "severity": "info"}, 1.0),
        ({"type": "GpuHot", "status": "true", "severity": "critical"}, 1.0),
    ]
    assert agent.samples("mainstay_condition_components") == [({"type": "GpuHot"}, 2.0)]


def test_since_when_is_told_of_what_is_not_well(agent: Agent, clock: Any) -> None:
    agent.judge("GpuHot", Status.TRUE, Severity.CRITICAL)
    began = clock.utc().timestamp()
    clock.seconds += 60
    agent.judge("GpuHot", Status.TRUE, Severity.CRITICAL)
    agent.judge("DiskFull", Status.FALSE, Severity.INFO)
    assert agent.samples("mainstay_condition_since_timestamp_seconds") == [({"type": "GpuHot"}, began)]


def test_a_condition_that_is_out_of_date_says_nothing(agent: Agent, clock: Any) -> None:
    agent.judge("GpuHot", Status.TRUE, Severity.CRITICAL)
    clock.seconds += LIFE.total_seconds() + 1
    assert agent.samples("mainstay_condition") == []


def test_faults_are_counted_and_the_last_of_each_component_is_dated(agent: Agent, clock: Any) -> None:
    for seconds, component in ((0, "0000:18:00"), (600, "0000:29:00"), (1200, "0000:18:00")):
        clock.seconds = 2000.0 + seconds
        sighting = Sighting("xid", "79", component, clock.seconds, f"Xid 79 {seconds}", "kernel_log")
        agent.faults.heard("kernel_log", Batch(str(seconds), [sighting]))
    labels = {"kind": "xid", "code": "79"}
    assert agent.samples("mainstay_fault_events") == [({**labels, "severity": "critical"}, 3.0)]
    now = clock.utc().timestamp()
    assert agent.samples("mainstay_fault_last_timestamp_seconds") == [
        ({**labels, "component": "0000:18:00"}, now),
        ({**labels, "component": "0000:29:00"}, now - 600),
    ]


def test_sensors_tell_when_and_how_long(agent: Agent, clock: Any) -> None:
    agent.newest["disk"] = Look(clock.boottime() - 5, 0.25, "reading")
    agent.tally.looks["disk", LookEnd.ANSWERED] += 3
    agent.tally.looks["disk", LookEnd.HUNG] += 1
    agent.tally.probers = 2
    then = clock.utc().timestamp() - 5
    assert agent.samples("mainstay_sensor_last_reading_timestamp_seconds") == [({"sensor": "disk"}, then)]
    assert agent.samples("mainstay_sensor_read_seconds") == [({"sensor": "disk"}, 0.25)]
    assert agent.samples("mainstay_sensor_looks") == [
        ({"sensor": "disk", "outcome": "answered"}, 3.0),
        ({"sensor": "disk", "outcome": "hung"}, 1.0),
    ]
    assert agent.samples("mainstay_prober_starts") == [({}, 2.0)]


def test_the_way_to_the_controller(agent: Agent) -> None:
    agent.answers["launch_attempt", "done"] = 4
    names = ("mainstay_link_up", "mainstay_link_epoch", "mainstay_spool_bytes", "mainstay_spool_dropped_messages")
    assert [agent.samples(name) for name in names] == [[({}, value)] for value in (1.0, 7.0, 4096.0, 2.0)]
    assert agent.samples("mainstay_orders") == [({"verb": "launch_attempt", "outcome": "done"}, 4.0)]


def test_which_agent_it_is_and_that_it_lives(agent: Agent) -> None:
    [(labels, one)] = agent.samples("mainstay_agent_build_info")
    assert (labels["node"], one) == ("n1", 1.0)
    assert agent.samples("process_resident_memory_bytes")[0][1] > 2**20
    assert agent.samples("process_start_time_seconds")[0][1] > 1.7e9


def test_what_is_left_out_is_told(agent: Agent) -> None:
    [(labels, count)] = agent.families({Left("disk", "too_many"): 5})["mainstay_metrics_left_out"].samples
    assert (labels, count) == ({"sensor": "disk", "reason": "too_many"}, 5.0)

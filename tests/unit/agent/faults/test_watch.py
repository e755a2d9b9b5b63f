"""Faults as they are told: counted once, kept, told to the controller, judged; over again when a person says so."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest

from agent.checks import Judged
from agent.faults import Sighting, table
from agent.faults.log import Kept
from agent.faults.watch import SOURCE_LOST, FaultWatch
from agent.sensors import Batch
from wire.conditions import Severity, Status
from wire.messages import FaultEvents

GPU, OTHER = "0000:3b:00", "0000:4c:00"
BOOT = "this boot"
LIFE_S = 300.0
OFF_BUS = "GpuXidOffBus"


class Disk:
    """What was to be kept, in its order."""

    def __init__(self) -> None:
        self.positions: dict[str, str] = {}
        self.kept: list[Kept] = []
        self.told: list[FaultEvents] = []

    def keep_faults(self, positions: dict[str, str], kept: list[Kept], events: FaultEvents | None) -> None:
        self.positions |= positions
        self.kept += kept
        self.told += [events] if events else []

    def forget_faults(self, numbers: list[int]) -> None:
        self.kept = [each for each in self.kept if each.number not in numbers]


class Agent:
    """One life of the agent on a disk."""

    def __init__(self, disk: Disk, clock: object, boot_id: str = BOOT) -> None:
        self.said: dict[str, Judged] = {}
        number = max((each.number for each in disk.kept), default=0) + 1
        self.watch = FaultWatch(
            table.own(), list(disk.kept), number, dict(disk.positions), boot_id, clock, disk, LIFE_S
        )
        self.watch.tells(self.said.__setitem__)

    def told(self, type_: str = OFF_BUS) -> list[str]:
        judged = self.said.get(type_, {})
        return sorted(judged) if isinstance(judged, dict) else []


@pytest.fixture
def disk() -> Disk:
    return Disk()


@pytest.fixture
def agent(disk: Disk, clock: object) -> Agent:
    return Agent(disk, clock)


def xid(code: str = "79", component: str = GPU, at: float = 1000.0, source: str = "kernel_log") -> Sighting:
    return Sighting("xid", code, component, at, f"Xid {code}", source)


def hear(agent: Agent, *sightings: Sighting, position: str = "p1", sensor: str = "kernel_log") -> None:
    agent.watch.heard(sensor, Batch(position, list(sightings)))


def test_what_is_told_is_kept_told_and_judged(agent: Agent, disk: Disk) -> None:
    hear(agent, xid())
    (events,) = disk.told
    (event,) = events.events
    assert (event.number, event.kind, event.code, event.component) == (1, "xid", "79", GPU)
    assert (event.severity, event.expires_at - event.at) == (Severity.CRITICAL, timedelta(seconds=LIFE_S))
    assert disk.positions == {"kernel_log": "p1"}
    assert agent.told() == [GPU]


@pytest.mark.parametrize("first", ["kernel_log", "gpu_nvml_events"])
def test_one_xid_that_two_sources_tell_is_one_event(agent: Agent, disk: Disk, first: str) -> None:
    second = {"kernel_log": "gpu_nvml_events", "gpu_nvml_events": "kernel_log"}[first]
    hear(agent, xid(source=first), sensor=first)
    hear(agent, xid(source=second, at=1001.0), sensor=second)
    assert len(disk.kept) == 1


def test_a_second_identical_one_counts_again(agent: Agent, disk: Disk) -> None:
    hear(agent, xid())
    hear(agent, xid(), position="p2")
    assert [each.number for each in disk.kept] == [1, 2]


@pytest.mark.parametrize("boot_id", [BOOT, "another boot"])
def test_a_restart_between_the_two_copies_makes_no_second_event(disk: Disk, clock: object, boot_id: str) -> None:
    """Those of another boot have another clock."""
    hear(Agent(disk, clock, boot_id), xid(source="gpu_nvml_events"), sensor="gpu_nvml_events")
    hear(Agent(disk, clock), xid())
    assert len(disk.kept) == (1 if boot_id == BOOT else 2)


def test_where_a_source_goes_on_is_kept_without_a_fault_too(agent: Agent, disk: Disk, clock: object) -> None:
    hear(agent, position="p7")
    assert disk.positions == {"kernel_log": "p7"}
    assert Agent(disk, clock).watch.positions() == {"kernel_log": "p7"}
    assert disk.told == []


def test_a_twin_is_not_read_again_after_a_restart(agent: Agent, disk: Disk) -> None:
    hear(agent, xid(source="gpu_nvml_events"), sensor="gpu_nvml_events", position="")
    hear(agent, xid(), position="p8")
    assert disk.positions["kernel_log"] == "p8"


def test_a_fault_stands_after_a_restart_and_not_after_a_reboot(agent: Agent, disk: Disk, clock: object) -> None:
    hear(agent, xid())
    again, rebooted = Agent(disk, clock), Agent(disk, clock, "another boot")
    for each in (again, rebooted):
        each.watch.judge()
    assert (again.told(), rebooted.told()) == ([GPU], [])
    assert isinstance(rebooted.said[OFF_BUS], msgspec.Struct)  # it says that it is over


def test_a_person_ends_one_condition_of_one_gpu(agent: Agent, disk: Disk) -> None:
    hear(agent, xid(), xid(component=OTHER), xid("48"))
    agent.watch.forget(OFF_BUS, [GPU])
    agent.watch.judge()
    assert (agent.told(), agent.told("GpuXidMemory")) == ([OTHER], [GPU])
    assert len(disk.kept) == 2
    agent.watch.forget(OFF_BUS, [])
    assert [each.sighting.code for each in disk.kept] == ["48"]


def test_changed_rules_judge_what_was_told_before(agent: Agent) -> None:
    hear(agent, xid())
    own = table.own()
    silent = msgspec.structs.replace(own.rows["xid", "79"], condition="")
    agent.said.clear()
    agent.watch.use(table.Table(own.rows | {("xid", "79"): silent}))
    agent.watch.judge()
    assert agent.told() == []


def test_a_source_that_is_lost_is_a_condition_until_it_speaks(agent: Agent) -> None:
    agent.watch.judge()
    assert agent.said == {}
    agent.watch.lost("kernel_log", "no such file")
    agent.watch.judge()
    assert agent.told(SOURCE_LOST) == ["kernel_log"]
    hear(agent)
    agent.watch.judge()
    said = agent.said[SOURCE_LOST]
    assert not isinstance(said, dict)
    assert said.status is Status.FALSE


def test_a_clock_that_is_set_makes_no_fault_older_or_younger(agent: Agent, clock: Any) -> None:
    """A node that boots with a clock of the wrong year is told the right one a minute later."""
    for years in (30, -30):
        hear(agent, *[xid(code="94", at=clock.boottime())] * 3)
        before = dict(agent.said)
        assert agent.told("GpuXidMemory") == [GPU]
        clock.start += timedelta(days=365 * years)
        agent.watch.judge()
        assert agent.said == before
    clock.seconds += 366 * 86_400.0
    agent.watch.judge()
    assert agent.told("GpuXidMemory") == []


def test_a_source_of_which_no_more_is_heard_is_followed_again(agent: Agent, clock: Any) -> None:
    """One that is quiet tells nothing when it can be followed again; one that can't be says so again and again."""
    hear(agent)
    for _ in range(5):
        agent.watch.lost("kernel_log", "no such file")
        clock.seconds += 120.0  # the longest pause, and what an attempt takes
        agent.watch.judge()
        assert agent.told(SOURCE_LOST) == ["kernel_log"]
    clock.seconds += 120.0
    agent.watch.judge()
    assert agent.told(SOURCE_LOST) == []
    assert agent.said[SOURCE_LOST].status is Status.FALSE

"""Every judgement, from readings made by hand."""

import pytest

from agent import checks, sensors
from agent.binding import bind_sensors
from agent.checks import Timed, Verdict, cpu_overload, disk_full, memory_pressure, network_down, network_errors
from agent.sensors.cpu import Reading as Cpu
from agent.sensors.disk import Mount
from agent.sensors.disk import Reading as Disk
from agent.sensors.memory import Reading as Memory
from agent.sensors.network import Interface
from agent.sensors.network import Reading as Network
from wire.conditions import Severity, Status

GIB = 2**30
T, F = Status.TRUE, Status.FALSE


def said(verdict: Verdict) -> tuple[Status, str]:
    return verdict.status, str(verdict.reason)


@pytest.mark.parametrize(
    ("load", "expected"), [(0.0, (F, "load_normal")), (16.0, (F, "load_normal")), (16.1, (T, "load_high"))]
)
def test_cpu_overload(load: float, expected: tuple[Status, str]) -> None:
    verdict = cpu_overload.judge([Timed(0, Cpu(8, 99, 99, load))], cpu_overload.Thresholds())
    assert said(verdict) == expected
    assert verdict.severity is not Severity.CRITICAL


@pytest.mark.parametrize(
    ("available", "expected"),
    [(50, (F, "memory_enough")), (10, (F, "memory_enough")), (9, (T, "memory_low")), (1, (T, "memory_exhausted"))],
)
def test_memory_pressure(available: int, expected: tuple[Status, str]) -> None:
    reading = Memory(100 * GIB, available * GIB, 0, 0)
    assert said(memory_pressure.judge([Timed(0, reading)], memory_pressure.Thresholds())) == expected


@pytest.mark.parametrize(
    ("mount", "expected"),
    [
        (Mount("/", 100 * GIB, 10 * GIB, 100, 100), (F, "space_enough")),
        (Mount("/", 100 * GIB, 4 * GIB, 100, 100), (T, "space_low")),
        (Mount("/", 100 * GIB, 50 * GIB, 100, 4), (T, "inodes_low")),
        (Mount("/", 10_000 * GIB, 100 * GIB, 100, 100), (F, "space_enough")),  # 1 % of much is plenty
        (Mount("/", 100 * GIB, 50 * GIB, 0, 0), (F, "space_enough")),  # no table of inodes
    ],
)
def test_disk_full(mount: Mount, expected: tuple[Status, str]) -> None:
    assert said(disk_full.judge([Timed(0, Disk([mount]))], disk_full.Thresholds())) == expected


def test_disk_full_names_the_worst_mount() -> None:
    low, out = Mount("/low", 100 * GIB, 4 * GIB, 0, 0), Mount("/out", 100 * GIB, 1 * GIB, 0, 0)
    verdict = disk_full.judge([Timed(0, Disk([low, out]))], disk_full.Thresholds())
    assert verdict.severity is Severity.CRITICAL
    assert verdict.message.startswith("/out: ")


@pytest.mark.parametrize(
    ("interface", "expected"),
    [
        (Interface("eth0", present=True, up=True, required=True), (F, "interfaces_up")),
        (Interface("eth0", present=True, up=False, required=True), (T, "interface_down")),
        (Interface("eth0", present=False, up=False, required=True), (T, "interface_missing")),
        (Interface("docker0", present=True, up=False, required=False), (F, "interfaces_up")),
    ],
)
def test_network_down(interface: Interface, expected: tuple[Status, str]) -> None:
    assert said(network_down.judge([Timed(0, Network([interface]))], network_down.Thresholds())) == expected


@pytest.mark.parametrize(
    ("packets", "errors", "expected"),
    [
        (100_000, 0, (F, "errors_few")),
        (100_000, 500, (F, "errors_few")),
        (100_000, 2000, (T, "errors_many")),
        (10, 9, (F, "errors_few")),  # too few to say
        (0, 50, (T, "errors_many")),
        (-1000, -5, (F, "errors_few")),  # counters began anew
    ],
)
def test_network_errors(packets: int, errors: int, expected: tuple[Status, str]) -> None:
    before = Interface("eth0", True, True, True, 10_000, 10_000)
    now = Interface("eth0", True, True, True, 10_000 + packets, 10_000 + errors)
    window = [Timed(0.0, Network([before])), Timed(15.0, Network([now]))]
    assert said(network_errors.judge(window, network_errors.Thresholds())) == expected


def test_every_check_reads_a_sensor_that_is_there() -> None:
    found = checks.discover()
    assert {check.reads for check in found.values()} <= set(sensors.discover())
    assert len({check.condition for check in found.values()}) == len(found)


def test_every_sensor_reads_this_machine() -> None:
    for name, read in bind_sensors({}).items():
        assert read().__struct_config__.frozen, name

"""Every judgement of the host, from readings made by hand."""

from types import ModuleType
from typing import Any, get_type_hints

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.checks import (
    Clears,
    Timed,
    Verdict,
    bmc_sensor,
    clock_offset,
    clock_unsynchronised,
    cpu_frequency_capped,
    cpu_missing,
    cpu_overload,
    cpu_slow,
    cpu_steal,
    cpu_throttled,
    disk_failing,
    disk_full,
    disk_read_only,
    disk_slow,
    disk_stuck,
    disk_worn,
    file_descriptors_low,
    huge_pages_missing,
    io_stall,
    kernel_module_forbidden,
    kernel_module_missing,
    memory_corrupted,
    memory_ecc_corrected,
    memory_ecc_uncorrected,
    memory_missing,
    memory_pressure,
    memory_stall,
    memory_swapping,
    mount_dead,
    mount_missing,
    process_limit_near,
    process_stuck,
    raid_degraded,
    service_failed,
    service_flapping,
    temperature_high,
    zombie_processes,
)
from agent.sensors import (
    bmc,
    clock,
    cpu,
    cpu_clock,
    disk,
    disk_io,
    kernel_modules,
    memory,
    memory_ecc,
    pressure,
    processes,
    services,
    smart,
    temperature,
)
from agent.sensors.disk import Mount, State
from agent.sensors.pressure import Pressure, Stall
from wire.conditions import Severity, Status

GIB = 2**30
HOST = [
    bmc_sensor, clock_offset, clock_unsynchronised, cpu_frequency_capped, cpu_missing, cpu_overload, cpu_slow,
    cpu_steal, cpu_throttled, disk_failing, disk_full, disk_read_only, disk_slow, disk_stuck, disk_worn,
    file_descriptors_low, huge_pages_missing, io_stall, kernel_module_forbidden, kernel_module_missing,
    memory_corrupted, memory_ecc_corrected, memory_ecc_uncorrected, memory_missing, memory_pressure, memory_stall,
    memory_swapping, mount_dead, mount_missing, process_limit_near, process_stuck, raid_degraded, service_failed,
    service_flapping, temperature_high, zombie_processes,
]  # fmt: skip


def judged(check: ModuleType, *readings: Any, **thresholds: Any) -> Any:
    window = [Timed(60.0 * number, reading) for number, reading in enumerate(readings)]
    return check.judge(window, check.Thresholds(**thresholds))


def said(judgement: Any) -> str | None:
    """Reason, and severity of a fault; None where nothing was judged. Of one component if by component."""
    verdict = judgement if isinstance(judgement, Verdict) else next(iter(judgement.values()), None)
    if verdict is None or verdict.status is Status.FALSE:
        return verdict and str(verdict.reason)
    return f"{verdict.reason} {verdict.severity if verdict.status is Status.TRUE else 'unknown'}"


def load(fifteen: float) -> cpu.Reading:
    return cpu.Reading(8, 99, 99, fifteen)


def steal(share: float) -> list[cpu.Reading]:
    return [cpu.Reading(8, 0, 0, 0, {"idle": passed * (1 - share), "steal": passed * share}) for passed in (0, 100)]


def throttled(*events: int | None) -> list[cpu_clock.Reading]:
    return [cpu_clock.Reading(8, 8, count, 0 if count is not None else None) for count in events]


def clocked(ghz: int | None, busy: float = 1.0) -> list[cpu_clock.Reading]:
    return [
        cpu_clock.Reading(8, 8, fastest_hz=ghz, hardware_hz=10, idle_s=(1 - busy) * passed, time_s=passed)
        for passed in (0.0, 100.0)
    ]


def hot(celsius: float, critical: float | None = 100.0, chip: str = "coretemp_0") -> temperature.Reading:
    return temperature.Reading([temperature.Heat(chip, "Package id 0", celsius, critical)])


def swapped(pages: int | None, total: int = 1) -> memory.Reading:
    return memory.Reading(100, 100, total, 0, swapped_in=pages)


def module(corrected: int, uncorrected: int) -> memory_ecc.Reading:
    return memory_ecc.Reading([memory_ecc.Module("mc0/dimm0", 10**6, uncorrected, corrected)])


def stalled(share: float | None) -> pressure.Reading:
    full = None if share is None else Stall(share, share, share, 1.0)
    return pressure.Reading(Pressure(), Pressure(full, full), Pressure(full, full))


def kept(
    offset: float = 0.0, error: float = 0.001, synchronised: bool = True, disciplined: bool = True
) -> clock.Reading:
    return clock.Reading(offset, error, error, synchronised, disciplined)


def mount(free: int = 10, inodes_free: int = 100, whole: int = 100, inodes: int = 100, **more: Any) -> disk.Reading:
    room = {"bytes": whole * GIB, "bytes_free": free * GIB, "inodes": inodes, "inodes_free": inodes_free}
    return disk.Reading([Mount(**{"path": "/"} | room | more)])


def io(requests: int, seconds: float, **more: Any) -> disk_io.Reading:
    return disk_io.Reading([disk_io.Disk("sda", requests, 0, seconds, 0, 0, 0.0, 1, 0.0, 0.0, **more)])


def health(**facts: Any) -> smart.Reading:
    return smart.Reading([smart.Disk("nvme0n1", **{"passed": True} | facts)])


def part(state: str = "ok", said_: str = "", value: float | None = None, unit: str = "rpm") -> bmc.Reading:
    return bmc.Reading([bmc.Part("PS1", state, value, unit if value is not None else "", said_)])


def unit(active: str, sub: str = "x", load_: str = "loaded", **more: Any) -> services.Reading:
    return services.Reading([services.Unit("a.service", load_, active, sub, **more)])


def table(**facts: Any) -> processes.Reading:
    values: dict[str, Any] = {
        "processes": 9, "threads": 10, "threads_most": 1000, "files": 1, "files_most": 1000, "zombies": 0
    }  # fmt: skip
    return processes.Reading(**values | facts)


def stuck(seconds: float) -> processes.Reading:
    return table(blocked=[processes.Blocked(7, "cp", seconds)])


def opened(files: int | None, most: int | None) -> processes.Reading:
    return table(open=[processes.Open(7, "ranks", files, most)])


@pytest.mark.parametrize(
    ("check", "readings", "thresholds", "expected"),
    [
        (cpu_overload, [load(16.0)], {}, "load_normal"),
        (cpu_overload, [load(16.1)], {}, "load_high warning"),
        (cpu_steal, steal(0.10), {}, "steal_low"),
        (cpu_steal, steal(0.11), {}, "steal_high warning"),
        (cpu_steal, [load(0), load(0)], {}, None),
        (cpu_missing, [cpu_clock.Reading(8, 8)], {}, None),
        (cpu_missing, [cpu_clock.Reading(8, 8)], {"expected": 8}, "processors_complete"),
        (cpu_missing, [cpu_clock.Reading(8, 7)], {"expected": 8}, "processors_missing critical"),
        (cpu_throttled, throttled(5, 5), {}, "not_throttled"),
        (cpu_throttled, throttled(5, 6), {}, "throttled warning"),
        (cpu_throttled, throttled(6, 5), {}, "not_throttled"),
        (cpu_throttled, throttled(None, None), {}, None),
        (cpu_frequency_capped, [cpu_clock.Reading(8, 8, limit_hz=15, hardware_hz=30)], {}, "frequency_free"),
        (cpu_frequency_capped, [cpu_clock.Reading(8, 8, limit_hz=14, hardware_hz=30)], {}, "frequency_capped warning"),
        (cpu_frequency_capped, [cpu_clock.Reading(8, 8)], {}, None),
        (cpu_slow, clocked(4), {}, "clock_fast"),
        (cpu_slow, clocked(3), {}, "clock_low warning"),
        (cpu_slow, clocked(3, busy=0.25), {}, "idle"),
        (cpu_slow, clocked(None), {}, None),
        (cpu_slow, [cpu_clock.Reading(8, 8, fastest_hz=3, hardware_hz=10)] * 2, {}, None),
        (temperature_high, [hot(96.9)], {}, "temperature_normal"),
        (temperature_high, [hot(97.0)], {}, "temperature_near_limit warning"),
        (temperature_high, [hot(100.0)], {}, "temperature_at_limit critical"),
        (temperature_high, [hot(120.0, None)], {}, None),
        (temperature_high, [hot(96.0, None, "k10temp_0")], {}, "temperature_at_limit critical"),
        (memory_pressure, [memory.Reading(100, 10, 0, 0)], {}, "memory_enough"),
        (memory_pressure, [memory.Reading(100, 9, 0, 0)], {}, "memory_low warning"),
        (memory_pressure, [memory.Reading(100, 1, 0, 0)], {}, "memory_exhausted critical"),
        (memory_pressure, [memory.Reading(100, 1, 0, 0, huge_bytes=95)], {}, "memory_enough"),
        (memory_swapping, [swapped(0), swapped(30_000)], {}, "swap_quiet"),
        (memory_swapping, [swapped(0), swapped(30_060)], {}, "swap_busy warning"),
        (memory_swapping, [swapped(0), swapped(99_999, total=0)], {}, None),
        (memory_swapping, [swapped(None), swapped(None)], {}, None),
        (memory_missing, [memory.Reading(96 * GIB, 1, 0, 0)], {}, None),
        (memory_missing, [memory.Reading(96 * GIB, 1, 0, 0)], {"expected_gib": 100}, "memory_complete"),
        (memory_missing, [memory.Reading(94 * GIB, 1, 0, 0)], {"expected_gib": 100}, "memory_missing critical"),
        (memory_corrupted, [memory.Reading(1, 1, 0, 0)], {}, "memory_sound"),
        (memory_corrupted, [memory.Reading(1, 1, 0, 0, corrupted=4096)], {}, "pages_offline warning"),
        (huge_pages_missing, [memory.Reading(1, 1, 0, 0)], {}, None),
        (huge_pages_missing, [memory.Reading(1, 1, 0, 0, huge_pages=8)], {"expected": 8}, "huge_pages_complete"),
        (huge_pages_missing, [memory.Reading(1, 1, 0, 0, huge_pages=7)], {"expected": 8}, "huge_pages_missing warning"),
        (memory_ecc_uncorrected, [module(0, 0)], {}, "no_uncorrected_errors"),
        (memory_ecc_uncorrected, [module(0, 1)], {}, "uncorrected_errors critical"),
        (memory_ecc_corrected, [module(100, 0)], {}, "few_corrected_errors"),
        (memory_ecc_corrected, [module(101, 0)], {}, "many_corrected_errors warning"),
        (memory_stall, [stalled(0.10)], {}, "memory_flows"),
        (memory_stall, [stalled(0.11)], {}, "memory_stalls warning"),
        (memory_stall, [stalled(0.61)], {}, "memory_stalls critical"),
        (memory_stall, [stalled(None)], {}, None),
        (io_stall, [stalled(0.80)], {}, "io_flows"),
        (io_stall, [stalled(0.81)], {}, "io_stalls warning"),
        (io_stall, [stalled(None)], {}, None),
        (clock_unsynchronised, [kept(error=16.0)], {}, "synchronised"),
        (clock_unsynchronised, [kept(error=15.9, synchronised=False)], {}, "synchronised"),
        (clock_unsynchronised, [kept(error=16.0, synchronised=False)], {}, "unsynchronised warning"),
        (clock_unsynchronised, [kept(0, 16.0, False, False)], {}, "never_steered"),
        (clock_unsynchronised, [kept(0, 16.0, False, False)], {"required": True}, "unsynchronised warning"),
        (clock_offset, [kept(-0.05)], {}, "clock_right"),
        (clock_offset, [kept(-0.051)], {}, "clock_wrong warning"),
        (disk_full, [mount(10)], {}, "space_enough"),
        (disk_full, [mount(4)], {}, "space_low warning"),
        (disk_full, [mount(2)], {}, "space_low critical"),
        (disk_full, [mount(2, remote=True)], {}, "space_low warning"),  # every node sees the same full server
        (disk_full, [mount(50, 1, remote=True)], {}, "inodes_low warning"),
        (disk_full, [mount(2, path="/boot/efi")], {}, "space_low warning"),
        (disk_full, [mount(2, path="/bootstrap")], {}, "space_low critical"),
        (disk_full, [mount(2, path="/dev/shm")], {}, "space_low warning"),  # the jobs' own
        (disk_full, [mount(50, 4)], {}, "inodes_low warning"),
        (disk_full, [mount(4, 1)], {}, "inodes_low critical"),
        (disk_full, [mount(100, whole=10_000)], {}, "space_enough"),  # 1 % of much is plenty
        (disk_full, [mount(50, 0, inodes=0)], {}, "space_enough"),  # no table of inodes
        (disk_full, [mount(0, whole=0)], {}, None),
        (disk_full, [mount(0, read_only=True)], {}, None),
        (disk_full, [disk.Reading([Mount("/", State.HUNG)])], {}, "not_answered unknown"),
        (disk_full, [disk.Reading([Mount("/", State.MISSING)])], {}, None),
        (disk_read_only, [mount()], {}, "writable"),
        (disk_read_only, [mount(read_only=True)], {}, None),
        (disk_read_only, [mount(read_only=True, required=True)], {}, "turned_read_only critical"),
        (disk_read_only, [mount(read_only=True, lost_writes=True)], {}, "turned_read_only critical"),
        (mount_dead, [mount()], {}, "answers"),
        (mount_dead, [disk.Reading([Mount("/", State.HUNG, silent_s=19)])], {}, "slow unknown"),
        (mount_dead, [disk.Reading([Mount("/", State.HUNG, silent_s=20)])], {}, "hangs critical"),
        (mount_dead, [disk.Reading([Mount("/", State.FAILED, error="Input/output error")])], {}, "fails critical"),
        # a server's pause, which every node sees, for however long
        (mount_dead, [disk.Reading([Mount("/home", State.HUNG, silent_s=9e5, remote=True)])], {}, "hangs warning"),
        (mount_dead, [disk.Reading([Mount("/home", State.FAILED, error="stale", remote=True)])], {}, "fails warning"),
        (mount_missing, [mount()], {}, None),
        (mount_missing, [mount(required=True)], {}, "mounted"),
        (mount_missing, [disk.Reading([Mount("/", State.MISSING, required=True)])], {}, "not_mounted critical"),
        (disk_slow, [io(0, 0), io(100, 10.0)], {}, "disk_quick"),
        (disk_slow, [io(0, 0), io(100, 10.1)], {}, "disk_slow warning"),
        (disk_slow, [io(0, 0), io(19, 10.1)], {}, "disk_quick"),  # too few to say
        (disk_slow, [io(100, 9), io(0, 0)], {}, "disk_quick"),  # counters began anew
        (disk_slow, [disk_io.Reading([]), io(100, 99)], {}, None),
        (disk_stuck, [io(0, 0, silent_s=44.0)], {}, "disk_answers"),
        (disk_stuck, [io(0, 0, silent_s=45.0)], {}, "disk_silent critical"),
        (raid_degraded, [io(0, 0)], {}, None),
        (raid_degraded, [io(0, 0, degraded=0)], {}, "raid_complete"),
        (raid_degraded, [io(0, 0, degraded=1)], {}, "raid_degraded warning"),
        (disk_failing, [health()], {}, "disk_sound"),
        (disk_failing, [health(passed=False)], {}, "disk_fails critical"),
        (disk_failing, [health(passed=False, critical_warning=0b10)], {}, "disk_sound"),  # only hot
        (disk_failing, [health(passed=False, critical_warning=0b100)], {}, "disk_fails critical"),
        (disk_failing, [health(critical_warning=0b1000)], {}, "disk_fails critical"),
        (disk_failing, [health(spare=0.10, spare_least=0.10)], {}, "disk_sound"),
        (disk_failing, [health(spare=0.09, spare_least=0.10)], {}, "spare_low critical"),
        (disk_failing, [health(pending=1)], {}, "sectors_unreadable warning"),
        (disk_failing, [health(uncorrectable=1)], {"sectors": 1}, "disk_sound"),
        (disk_failing, [health(passed=None, error="no smartctl")], {}, "not_asked unknown"),
        (disk_worn, [health(used=0.99, reallocated=100, media_errors=0)], {}, "disk_fresh"),
        (disk_worn, [health(used=1.0)], {}, "endurance_used warning"),
        (disk_worn, [health(media_errors=1)], {}, "media_errors warning"),
        (disk_worn, [health(reallocated=101)], {}, "sectors_replaced warning"),
        (disk_worn, [health(passed=None)], {}, None),
        (bmc_sensor, [part(value=5000)], {}, "part_ok"),
        (bmc_sensor, [part("lnc", value=500)], {}, "past_warning_limit warning"),
        (bmc_sensor, [part("cr", value=0)], {}, "past_critical_limit warning"),  # one fan of several
        (bmc_sensor, [part("lnr", value=2, unit="volts")], {}, "past_critical_limit warning"),  # the clock's battery
        (bmc_sensor, [part("lnr", value=0, unit="celsius")], {}, "past_critical_limit warning"),
        (bmc_sensor, [part("cr", value=101, unit="celsius")], {}, "past_critical_limit critical"),
        (bmc_sensor, [part("unr", value=101, unit="celsius")], {}, "past_critical_limit critical"),
        (bmc_sensor, [part(said_="Presence detected")], {}, "part_ok"),
        (bmc_sensor, [part(said_="Presence detected, Power Supply AC lost")], {}, "part_failed warning"),
        (bmc_sensor, [part(said_="Fully Redundant")], {}, "part_ok"),
        (bmc_sensor, [part(said_="Non-Redundant: Sufficient from Redundant")], {}, "part_failed warning"),
        (kernel_module_missing, [kernel_modules.Reading({}, {})], {}, None),
        (kernel_module_missing, [kernel_modules.Reading({"nvidia": True}, {})], {}, "modules_loaded"),
        (kernel_module_missing, [kernel_modules.Reading({"nvidia": False}, {})], {}, "module_missing critical"),
        (kernel_module_forbidden, [kernel_modules.Reading({}, {"nouveau": False})], {}, "modules_clean"),
        (kernel_module_forbidden, [kernel_modules.Reading({}, {"nouveau": True})], {}, "module_forbidden warning"),
        (service_failed, [services.Reading([])], {}, None),
        (service_failed, [unit("failed")], {}, "unit_failed warning"),
        (service_failed, [unit("failed", required=True)], {}, "unit_down critical"),
        (service_failed, [unit("active", required=True)], {}, "unit_well"),
        (service_failed, [unit("inactive", load_="not-found", required=True)], {}, "unit_unknown critical"),
        (service_flapping, [unit("active", restarts=99, lately=4)], {}, "service_steady"),
        (service_flapping, [unit("active", restarts=99, lately=5)], {}, "service_flaps warning"),
        (service_flapping, [unit("failed")], {}, None),
        (file_descriptors_low, [table(files=700)], {}, "descriptors_enough"),
        (file_descriptors_low, [table(files=701)], {}, "descriptors_low warning"),
        (file_descriptors_low, [table(files=901)], {}, "descriptors_low critical"),
        (file_descriptors_low, [opened(71, 100)], {}, "descriptors_low warning"),
        (file_descriptors_low, [opened(None, 100)], {}, "descriptors_enough"),
        (file_descriptors_low, [opened(99, None)], {}, "descriptors_enough"),
        (process_limit_near, [table(threads=700)], {}, "processes_few"),
        (process_limit_near, [table(threads=701)], {}, "processes_many warning"),
        (process_limit_near, [table(threads=901)], {}, "processes_many critical"),
        (process_limit_near, [table(threads_most=0)], {}, None),
        (process_stuck, [stuck(119)], {}, "none_stuck"),
        (process_stuck, [stuck(120)], {}, "processes_stuck warning"),
        (zombie_processes, [table(zombies=100)], {}, "zombies_few"),
        (zombie_processes, [table(zombies=101)], {}, "zombies_many warning"),
    ],
)
def test_at_the_threshold(check: ModuleType, readings: list[Any], thresholds: Any, expected: str | None) -> None:
    assert said(judged(check, *readings, **thresholds)) == expected


def test_many_stuck_processes_are_named_in_part() -> None:
    many = table(blocked=[processes.Blocked(pid, "cp", 200.0) for pid in range(5)])
    assert judged(process_stuck, many).message.endswith("cp[2] for 200 s and 2 more")


def test_each_component_is_judged_by_itself() -> None:
    mounts = disk.Reading([*mount(4).mounts, Mount("/data", bytes=100 * GIB, bytes_free=50 * GIB)])
    assert {path: verdict.status for path, verdict in judged(disk_full, mounts).items()} == {
        "/": Status.TRUE,
        "/data": Status.FALSE,
    }


@pytest.mark.parametrize("check", [memory_corrupted, memory_ecc_uncorrected, disk_read_only])
def test_what_only_a_reboot_mends_waits_for_it(check: ModuleType) -> None:
    assert check.CLEARS is Clears.REBOOT


SENSORS = [
    bmc, clock, cpu, cpu_clock, disk, disk_io, kernel_modules, memory, memory_ecc, pressure, processes, services,
    smart, temperature,
]  # fmt: skip
READINGS = {module.__name__.rpartition(".")[2]: module.Reading for module in SENSORS}


def every_field(struct: type[msgspec.Struct]) -> st.SearchStrategy[msgspec.Struct]:
    """Those with a default, too."""
    return st.builds(struct, **{name: st.from_type(hint) for name, hint in get_type_hints(struct).items()})


st.register_type_strategy(int, st.integers(-(2**63), 2**63 - 1))
for struct in {value for module in SENSORS for value in vars(module).values() if isinstance(value, type)}:
    if issubclass(struct, msgspec.Struct):
        st.register_type_strategy(struct, every_field)


def crossed(reading: Any) -> Any:
    """As it comes out of the prober's pipe."""
    return msgspec.msgpack.decode(msgspec.msgpack.encode(reading), type=type(reading))


@pytest.mark.parametrize("check", HOST, ids=lambda check: check.TYPE)
@given(data=st.data())
def test_no_reading_makes_a_check_raise(check: ModuleType, data: st.DataObject) -> None:
    reading = st.from_type(READINGS[check.READS])
    times = data.draw(st.lists(st.floats(0, 1e9), min_size=check.WINDOW, max_size=check.WINDOW))
    window = [Timed(at, crossed(data.draw(reading))) for at in times]
    verdicts = check.judge(window, check.Thresholds())
    for verdict in [verdicts] if isinstance(verdicts, Verdict) else verdicts.values():
        assert verdict.status is not Status.TRUE or verdict.suggested_action
        assert verdict.severity in Severity


@pytest.mark.parametrize(
    ("check", "readings", "limit"),
    [
        (disk_full, [mount(4)], "4.0 of 100.0 GiB free, limit 5 %"),
        (disk_full, [mount(2)], "2.0 of 100.0 GiB free, limit 3 %"),
        (disk_full, [mount(50, 4)], "4 of 100 inodes free, limit 5 %"),
        (cpu_overload, [load(17)], "load 17.0 over 15 minutes on 8 cores, limit 2 for each"),
        (clock_offset, [kept(0.06)], "the clock is 60.0 ms behind, limit 50 ms"),
        (disk_slow, [io(0, 0), io(100, 10.1)], "100 requests took 101.0 ms each, limit 100 ms"),
    ],
)
def test_a_fault_tells_the_limit_that_was_passed(check: ModuleType, readings: list[Any], limit: str) -> None:
    judgement = judged(check, *readings)
    verdict = judgement if isinstance(judgement, Verdict) else next(iter(judgement.values()))
    assert verdict.message == limit

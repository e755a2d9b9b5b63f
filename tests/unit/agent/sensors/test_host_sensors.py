"""What sensors make of /proc and /sys as machines of several kinds have them."""

import os
import re
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest
from fakes.bmc_simulator import simulated_bmc
from fakes.deadline import eventually

from agent import sensors
from agent.checks import Timed, bmc_sensor
from agent.helper import tools
from agent.sensors import (
    Host,
    bmc,
    clock,
    cpu,
    cpu_clock,
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

DEADLINE_S = 10.0
HOST = [
    "bmc", "clock", "cpu", "cpu_clock", "disk", "disk_io", "kernel_modules", "memory", "memory_ecc", "pressure",
    "processes", "services", "smart", "temperature",
]  # fmt: skip

Tree = Callable[[dict[str, str]], str]


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    """Files below tmp_path, by their paths."""

    def make(files: dict[str, str]) -> str:
        for name, content in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)
        return str(tmp_path)

    return make


@pytest.mark.parametrize("name", HOST)
def test_each_reads_this_machine_or_says_that_there_is_no_such_thing(name: str) -> None:
    sensor = sensors.discover()[name]
    assert sensor.attach is not None
    assert sensor.metrics is not None
    reading = sensor.attach(sensor.options(), Host()).read()
    for family in sensor.metrics(reading) if reading is not None else ():
        assert family.samples is not None


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")
def test_metrics_please_promtool() -> None:
    """Of this machine's readings, and of those made below."""
    lines = [line for name in HOST for line in _exposition(name)]
    done = subprocess.run(
        ["promtool", "check", "metrics"], input="\n".join(lines) + "\n", text=True, capture_output=True
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def _exposition(name: str) -> list[str]:
    sensor = sensors.discover()[name]
    assert sensor.attach is not None
    assert sensor.metrics is not None
    reading = EXAMPLES.get(name) or sensor.attach(sensor.options(), Host()).read()
    lines = []
    for family in sensor.metrics(reading) if reading is not None else ():
        full = f"{family.name}_total" if family.kind == "counter" else family.name
        lines += [f"# HELP {full} {family.help}", f"# TYPE {full} {family.kind}"]
        for labels, value in family.samples:
            told = ",".join(f'{key}="{label}"' for key, label in labels.items())
            lines.append(f"{full}{{{told}}} {value}")
    return lines


# ------------------------------------------------------------------------------------------------ processors


def test_load_and_where_time_goes(tree: Tree) -> None:
    proc = tree({"loadavg": "1.50 2.00 3.25 2/345 999\n", "stat": "cpu  100 0 50 800 25 0 5 20 0 0\ncpu0 1 2 3\n"})
    found = cpu.read(cpu.Options(), proc)
    assert (found.load_1m, found.load_15m) == (1.5, 3.25)
    assert found.seconds["steal"] == 20 / os.sysconf("SC_CLK_TCK")
    assert sum(found.seconds.values()) == 1000 / os.sysconf("SC_CLK_TCK")


def test_a_kernel_that_counts_no_steal(tree: Tree) -> None:
    proc = tree({"loadavg": "1 2 3 2/345 999\n", "stat": "cpu 100 0 50 800 25 0 5\n"})
    assert "steal" not in cpu.read(cpu.Options(), proc).seconds


def test_throttling_counts_a_package_once_and_offline_processors(tree: Tree) -> None:
    base = "devices/system/cpu"
    files = {f"{base}/present": "0-3,8\n", f"{base}/online": "0-3\n", f"{base}/cpu0/microcode/version": "0x2b\n"}
    for number in range(4):
        files |= {
            f"{base}/cpu{number}/topology/physical_package_id": f"{number // 2}\n",
            f"{base}/cpu{number}/thermal_throttle/core_throttle_count": "3\n",
            f"{base}/cpu{number}/thermal_throttle/package_throttle_count": "10\n",
            f"{base}/cpufreq/policy{number}/scaling_cur_freq": f"{1_000_000 * (number + 1)}\n",
            f"{base}/cpufreq/policy{number}/scaling_max_freq": "2000000\n",
            f"{base}/cpufreq/policy{number}/cpuinfo_max_freq": "4000000\n",
        }
    files["stat"] = "cpu  100 0 50 800 25 0 5 20 0 0\ncpu0 1 2 3\n"
    assert os.sysconf("SC_CLK_TCK") == 100
    found = cpu_clock.read(cpu_clock.Options(), tree(files), tree(files))
    assert (found.cpus_present, found.cpus_online) == (5, 4)
    assert (found.throttled_core, found.throttled_package) == (12, 20)
    assert (found.fastest_hz, found.mean_hz) == (4 * 10**9, 2_500_000_000)
    assert (found.idle_s, found.time_s) == (8.25, 10.0)
    assert (found.limit_hz, found.hardware_hz, found.microcode) == (2 * 10**9, 4 * 10**9, "0x2b")


def test_temperatures_of_drivers_without_those_of_accelerators(tree: Tree) -> None:
    hwmon = "class/hwmon"
    sys = tree(
        {
            f"{hwmon}/hwmon0/name": "coretemp\n",
            f"{hwmon}/hwmon0/temp1_input": "71000\n",
            f"{hwmon}/hwmon0/temp1_label": "Package id 0\n",
            f"{hwmon}/hwmon0/temp1_crit": "100000\n",
            f"{hwmon}/hwmon1/name": "coretemp\n",
            f"{hwmon}/hwmon1/temp1_input": "72000\n",
            f"{hwmon}/hwmon2/name": "nvme\n",
            f"{hwmon}/hwmon2/temp1_input": "40850\n",
            f"{hwmon}/hwmon2/temp1_crit": "65261850\n",  # no limit
            f"{hwmon}/hwmon3/name": "amdgpu\n",
            f"{hwmon}/hwmon3/temp1_input": "50000\n",
        }
    )
    source = temperature.Thermometers(temperature.Options(ignore=("coretemp_1/temp1",)), sys)
    assert source.read().heats == [
        temperature.Heat("coretemp_0", "Package id 0", 71.0, 100.0),
        temperature.Heat("nvme_0", "temp1", 40.85, None),
    ]


def test_thermal_zones_where_there_is_no_driver(tree: Tree) -> None:
    zone = "class/thermal/thermal_zone0"
    sys = tree({f"{zone}/type": "acpitz\n", f"{zone}/temp": "27800\n", f"{zone}/trip_point_0_type": "critical\n",
                f"{zone}/trip_point_0_temp": "105000\n"})  # fmt: skip
    assert temperature.Thermometers(temperature.Options(), sys).read().heats == [
        temperature.Heat("thermal_zone0", "acpitz", 27.8, 105.0)
    ]


# ---------------------------------------------------------------------------------------------------- memory


def test_memory_of_an_old_kernel(tree: Tree) -> None:
    """MemAvailable came with 3.14."""
    proc = tree({"meminfo": "MemTotal: 1000 kB\nMemFree: 100 kB\nCached: 300 kB\nHardwareCorrupted: 4 kB\n"})
    found = memory.read(memory.Options(), proc)
    assert (found.total, found.available, found.corrupted) == (1_024_000, 409_600, 4096)
    assert found.oom_kills is None


def test_memory_swap_and_huge_pages(tree: Tree) -> None:
    proc = tree(
        {
            "meminfo": "MemTotal: 1000 kB\nMemAvailable: 400 kB\nSwapTotal: 50 kB\nSwapFree: 20 kB\n"
            "HugePages_Total: 16\nHugePages_Free: 4\nHugepagesize: 2048 kB\n",
            "vmstat": "pswpin 7\npswpout 8\npgmajfault 9\noom_kill 2\n",
        }
    )
    found = memory.read(memory.Options(), proc)
    assert (found.swap_total, found.swap_used) == (51_200, 30_720)
    assert (found.huge_pages, found.huge_pages_free, found.huge_page_bytes) == (16, 4, 2_097_152)
    assert (found.swapped_in, found.swapped_out, found.major_faults, found.oom_kills) == (7, 8, 9, 2)


EDAC = "devices/system/edac/mc"


def edac(corrected: int, uncorrected: int = 0) -> dict[str, str]:
    return {
        f"{EDAC}/mc0/ce_count": f"{corrected}\n",
        f"{EDAC}/mc0/ue_count": f"{uncorrected}\n",
        f"{EDAC}/mc0/dimm0/dimm_ce_count": f"{corrected}\n",
        f"{EDAC}/mc0/dimm0/dimm_ue_count": f"{uncorrected}\n",
        f"{EDAC}/mc0/dimm0/dimm_label": "CPU_SrcID#0_MC#0_Chan#0_DIMM#0\n",
    }


def test_corrected_errors_are_counted_by_the_day(tree: Tree) -> None:
    source, day = memory_ecc.Counters(tree(edac(50))), 86_400.0
    assert source.read(now=0.0).modules[0].corrected_day == 0  # they may be old
    tree(edac(58))
    assert source.read(now=60.0).modules[0].corrected_day == 8
    assert source.read(now=60.0 + day / 2).modules[0].corrected_day == 8
    tree(edac(60))
    assert source.read(now=61.0 + day).modules[0].corrected_day == 2
    tree(edac(1))  # the driver was loaded anew
    assert source.read(now=62.0 + day).modules[0].corrected_day == 0


def test_a_controller_that_knows_no_modules(tree: Tree) -> None:
    sys = tree({f"{EDAC}/mc0/ce_count": "3\n", f"{EDAC}/mc0/ue_count": "1\n"})
    assert memory_ecc.Counters(sys).read().modules == [memory_ecc.Module("mc0", 3, 1)]


# -------------------------------------------------------------------------------------------------- pressure

SOME = "some avg10=1.25 avg60=60.00 avg300=0.00 total=2500000\n"


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, None),
        ({"memory": SOME}, (True, False)),  # the processors' until 5.13
        ({"memory": SOME + "full avg10=0.00 avg60=30.00 avg300=0.00 total=5\n"}, (True, True)),
        ({"memory": "some avg10=?\n"}, None),
    ],
)
def test_pressure_of_several_kernels(tree: Tree, files: dict[str, str], expected: tuple[bool, bool] | None) -> None:
    found = pressure.read(pressure.Options(), tree({f"pressure/{name}": text for name, text in files.items()}))
    assert expected == (found and (found.memory.some is not None, found.memory.full is not None))
    if found is not None:
        assert found.memory.some == pressure.Stall(0.0125, 0.6, 0.0, 2.5)


def test_the_clock_is_asked_and_left_as_it_is() -> None:
    before = time.time()
    found = clock.read(clock.Options())
    assert found is not None
    assert found.max_error_s >= 0
    assert abs(time.time() - before) < DEADLINE_S
    assert len(list(clock.metrics(found))) == 4


def test_where_the_clock_may_not_be_asked_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused() -> NoReturn:
        raise PermissionError(1, "adjtimex: Operation not permitted")

    monkeypatch.setattr(clock, "_adjtimex", refused)
    assert clock.read(clock.Options()) is None


CHRONY = "C0A80001,192.168.0.1,3,1732435200.1,{offset},0.1,0.2,-1.3,0.0,0.1,0.01,0.001,64.2,{leap}\n"


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        (CHRONY.format(offset="0.120", leap="Normal"), 0.12),
        (CHRONY.format(offset="-0.000000120", leap="Insert second"), -1.2e-7),
        (CHRONY.format(offset="0.0", leap="Not synchronised"), None),
        ("506 Cannot talk to daemon\n", None),
        ("", None),
    ],
)
def test_what_chrony_says(output: str, expected: float | None) -> None:
    assert clock.tracking(output) == expected


@pytest.mark.skipif(os.geteuid() != 0 or shutil.which("chronyd") is None, reason="needs root and chrony")
def test_a_real_chrony_is_asked(tmp_path: Path) -> None:
    """One that serves itself and leaves the clock alone (-x)."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    settings = ["port 0", "local stratum 10", f"cmdport {port}", "bindcmdaddress 127.0.0.1", "bindcmdaddress /"]
    command = ["chronyd", "-x", "-d", "-u", "root", *settings, f"pidfile {tmp_path}/pid"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as chronyd:
        try:
            asked = ("chronyc", "-h", "127.0.0.1", "-p", port)
            offset = eventually(lambda: clock._tracking(asked), "chrony answers", DEADLINE_S)
            assert abs(offset) < 1.0
            assert clock.read(clock.Options(), asked).disciplined
        finally:
            chronyd.kill()


# ----------------------------------------------------------------------------------------------------- disks


@pytest.mark.parametrize("rest", ["", " 1 2 3 4", " 1 2 3 4 5 6"], ids=["2.6", "4.18", "5.5"])
def test_diskstats_of_several_kernels(tree: Tree, rest: str) -> None:
    sys = tree({"block/nvme0n1/size": "1", "block/loop0/size": "1", "block/md0/md/degraded": "1\n"})
    line = f"   259 0 nvme0n1 10 0 80 2000 20 0 160 3000 4 5000 6000{rest}\n"
    parted = "   259 1 nvme0n1p1 1 2 3 4 5 6 7 8 9 10 11\n   7 0 loop0 1 2 3 4 5 6 7 8 9 10 11\n   8 1 sda1 1 2 3 4\n"
    tree({"diskstats": line + parted + "   9 0 md0 1 2 3 4 5 6 7 8 0 10 11\n"})
    found = disk_io.Disks(sys, sys).read()
    assert found.disks[0] == disk_io.Disk("nvme0n1", 10, 80 * 512, 2.0, 20, 160 * 512, 3.0, 4, 5.0, 6.0)
    assert [(disk.name, disk.degraded) for disk in found.disks] == [("nvme0n1", None), ("md0", 1)]


def test_a_disk_that_answers_nothing_gets_older(tree: Tree) -> None:
    def stats(done: int, waiting: int, discarded: int = 0, name: str = "sda") -> str:
        line = f"8 0 {name} {done} 0 0 0 0 0 0 0 {waiting} 0 0 {discarded} 0 0 0 0 0\n"
        return tree({"block/sda/device/model": "x", "block/dm-0/size": "1", "diskstats": line})

    source = disk_io.Disks(stats(10, 2), stats(10, 2))
    assert source.read(now=0.0).disks[0].silent_s == 0.0
    assert source.read(now=30.0).disks[0].silent_s == 30.0
    stats(11, 2)
    assert source.read(now=45.0).disks[0].silent_s == 0.0
    stats(11, 2, discarded=1)  # fstrim is at work
    assert source.read(now=90.0).disks[0].silent_s == 0.0
    stats(11, 0, discarded=1)  # idle is not silent
    assert source.read(now=130.0).disks[0].silent_s == 0.0
    stats(11, 2, name="dm-0")  # its count is not to be trusted
    source.read(now=140.0)
    assert source.read(now=200.0).disks[0].silent_s == 0.0


NVME = """{"device": {"protocol": "NVMe"}, "model_name": "INTEL SSDPE2KX080T8", "nvme_smart_health_information_log":
{"available_spare": 97, "available_spare_threshold": 10, "critical_warning": 0, "media_errors": 0,
"percentage_used": 3, "temperature": 29}, "power_on_time": {"hours": 12164}, "smart_status": {"nvme": {"value": 0},
"passed": true}, "temperature": {"current": 29}, "json_format_version": [1, 0]}"""
SAS = """{"scsi_model_name": "SEAGATE ST18000NM004J", "smart_status": {"passed": true}, "temperature": {"current": 33},
"scsi_grown_defect_list": 8, "scsi_percentage_used_endurance_indicator": 4, "power_on_time": {"hours": 9000},
"scsi_error_counter_log": {"read": {"total_uncorrected_errors": 2}, "write": {"total_uncorrected_errors": 0},
"verify": {"total_uncorrected_errors": 1}}}"""
ATA = """{"model_name": "ST3500418AS", "smart_status": {"passed": false}, "temperature": {"current": 35},
"ata_smart_attributes": {"revision": 10, "table": [{"id": 5, "name": "Reallocated_Sector_Ct", "value": 100,
"raw": {"value": 12, "string": "12"}}, {"id": 197, "raw": {"value": 3, "string": "3"}},
{"id": 198, "raw": {"value": 1, "string": "1"}}]}, "power_on_time": {"hours": 41000}}"""


def test_what_disks_say_of_themselves() -> None:
    assert smart.parse("nvme0n1", NVME) == smart.Disk(
        "nvme0n1", "INTEL SSDPE2KX080T8", True, 29, 0, 0.97, 0.10, 0.03, 0, power_on_s=12164 * 3600
    )
    assert smart.parse("sda", ATA) == smart.Disk(
        "sda", "ST3500418AS", False, 35, reallocated=12, pending=3, uncorrectable=1, power_on_s=41000 * 3600
    )
    assert smart.parse("sdb", SAS) == smart.Disk(
        "sdb", "SEAGATE ST18000NM004J", True, 33, used=0.04, media_errors=3, reallocated=8, power_on_s=9000 * 3600
    )


@pytest.mark.parametrize("output", ['{"smartctl": {"exit_status": 2}}', '{"smart_support": {"available": false}}'])
def test_a_disk_that_has_no_health_to_tell_is_left_out(output: str) -> None:
    assert smart.parse("sda", output) is None


def test_an_answer_that_is_not_understood_says_so() -> None:
    assert "not understood" in smart.parse("sda", "smartctl 5.38").error


def test_whole_disks_with_a_medium_are_asked(tree: Tree) -> None:
    sizes = {"sda": "10", "sdb": "10", "sdc": "0", "nvme0n1": "10", "vda": "10", "loop0": "10", "sr0": "10"}
    sys = tree({f"block/{name}/size": size for name, size in sizes.items()})
    assert smart.Disks(smart.Options(ignore=("sdb",)), None, sys)._devices() == ["nvme0n1", "sda"]


SDR = """CPU1 Temp,45,degrees C,ok
FAN1,4800,RPM,cr
FAN2,,,ns
12V,12.448,Volts,ok
PS1 Status,c8h,ok,10.1,"Presence detected, Power Supply AC lost"
PS2 Status,C9h,ok,10.2,Presence detected
Chassis Intru,AAh,ns,23.1,
DIMM Temp,30,degrees C,ok
DIMM Temp,31,degrees C,ok
nonsense
"""


def test_what_a_bmc_sees() -> None:
    assert bmc.parse(SDR) == [
        bmc.Part("CPU1 Temp", "ok", 45.0, "celsius"),
        bmc.Part("FAN1", "cr", 4800.0, "rpm"),
        bmc.Part("12V", "ok", 12.448, "volts"),
        bmc.Part("PS1 Status", "ok", said="Presence detected, Power Supply AC lost"),
        bmc.Part("PS2 Status", "ok", said="Presence detected"),
        bmc.Part("DIMM Temp", "ok", 30.0, "celsius"),
        bmc.Part("DIMM Temp #2", "ok", 31.0, "celsius"),
    ]


@pytest.mark.skipif(
    shutil.which("ipmi_sim") is None or shutil.which("ipmitool") is None, reason="openipmi and ipmitool are missing"
)
@pytest.mark.parametrize(
    ("celsius", "rpm", "supply", "expected"),
    [
        (45, 2400, [0], ["part_ok", "part_ok", "part_ok"]),
        (85, 900, [0, 3], ["past_warning_limit", "past_critical_limit", "part_failed"]),
        (101, 1900, [1], ["past_critical_limit", "past_warning_limit", "part_failed"]),
    ],
)
def test_a_simulated_bmc_is_asked_by_the_real_tool(
    tmp_path: Path, celsius: int, rpm: int, supply: list[int], expected: list[str]
) -> None:
    with simulated_bmc(tmp_path / "bmc", celsius, rpm, supply) as command:
        output = subprocess.run([*command, *tools.SENSORS], capture_output=True, text=True, timeout=DEADLINE_S).stdout
    parts = bmc.parse(output)
    assert [(part.value, part.unit) for part in parts] == [(celsius, "celsius"), (rpm, "rpm"), (None, "")]
    verdicts = bmc_sensor.judge([Timed(0.0, bmc.Reading(parts))], bmc_sensor.Thresholds())
    assert list(verdicts) == ["CPU Temp", "FAN1", "PS1 Status"]
    assert [verdict.reason for verdict in verdicts.values()] == expected


# ------------------------------------------------------------------------------------- modules, units, processes


def test_modules_loaded_and_built_in(tree: Tree) -> None:
    root = tree(
        {
            "modules": "nvidia_peermem 16384 0 - Live 0x0\nnvidia 100 1 nvidia_peermem, Live 0x0\n",
            f"{os.uname().release}/modules.builtin": "kernel/fs/ext4/ext4.ko\nkernel/drivers/a-b.ko\n",
            "module/loop/parameters/max_loop": "8\n",
        }
    )
    options = kernel_modules.Options(
        required=("nvidia-peermem", "ext4", "a_b", "loop", "lustre"), forbidden=("nouveau",)
    )
    found = kernel_modules.read(options, root, root, root)
    assert found.required == {"nvidia-peermem": True, "ext4": True, "a_b": True, "loop": True, "lustre": False}
    assert found.forbidden == {"nouveau": False}


SHOWN = """Id=slurmd.service
LoadState=loaded
ActiveState=activating
SubState=auto-restart
Result=exit-code
NRestarts={restarts}

Id=data.mount
LoadState=loaded
ActiveState=failed
SubState=failed
Result=exit-code

Id=gone.service
LoadState=not-found
ActiveState=inactive
SubState=dead
"""


@pytest.fixture
def systemctl(tmp_path: Path) -> Path:
    """What the tool would say, from files."""
    program = tmp_path / "systemctl"
    program.write_text(
        '#!/bin/sh\ncase "$*" in *list-units*) cat "$(dirname "$0")/listed" ;; *) cat "$(dirname "$0")/shown" ;; esac\n'
    )
    program.chmod(0o755)
    return program


def test_units_that_fail_and_restart(tmp_path: Path, systemctl: Path) -> None:
    (tmp_path / "listed").write_text(
        "slurmd.service loaded activating auto-restart Slurm\n● data.mount loaded failed x\n"
    )
    (tmp_path / "shown").write_text(SHOWN.format(restarts=7))
    options = services.Options(required=("gone.service",))
    source = services.Units(options, str(tmp_path), str(systemctl))
    found = {unit.name: unit for unit in source.read(now=0.0).units}
    assert found["slurmd.service"].restarts == 7
    assert found["data.mount"].restarts is None
    assert (found["gone.service"].required, found["gone.service"].load) == (True, "not-found")
    for restarts, now, lately in ((12, 300.0, 5), (14, 1000.0, 2), (1, 1060.0, 0)):
        (tmp_path / "shown").write_text(SHOWN.format(restarts=restarts))
        (unit,) = [unit for unit in source.read(now=now).units if unit.name == "slurmd.service"]
        assert unit.lately == lately


def test_what_was_noticed_once_is_watched_for_a_while(tmp_path: Path, systemctl: Path) -> None:
    (tmp_path / "listed").write_text("slurmd.service loaded activating auto-restart Slurm\n")
    (tmp_path / "shown").write_text(SHOWN.format(restarts=7).partition("\n\n")[0])
    source = services.Units(services.Options(), str(tmp_path), str(systemctl))
    assert len(source.read(now=0.0).units) == 1
    (tmp_path / "listed").write_text("")
    assert len(source.read(now=599.0).units) == 1
    assert source.read(now=601.0).units == []


def test_a_service_that_runs_at_every_look_and_was_started_anew_is_noticed(tmp_path: Path, systemctl: Path) -> None:
    (tmp_path / "listed").write_text("")
    (tmp_path / "shown").write_text(SHOWN.format(restarts=7).partition("\n\n")[0])
    group = tmp_path / "system.slice" / "system-slurm.slice" / "slurmd.service"
    group.mkdir(parents=True)
    source = services.Units(services.Options(), str(tmp_path), str(systemctl), [str(tmp_path / "system.slice")])
    assert source.read(now=0.0).units == []
    group.rename(tmp_path / "old")  # its inode is not free yet
    group.mkdir()
    assert [unit.name for unit in source.read(now=60.0).units] == ["slurmd.service"]
    assert source.read(now=661.0).units == []


def test_a_machine_without_systemd_has_no_units(tmp_path: Path) -> None:
    assert services.Units(services.Options(), str(tmp_path / "none")).read() is None


def test_one_that_does_not_answer_raises(tmp_path: Path) -> None:
    failing = tmp_path / "systemctl"
    failing.write_text("#!/bin/sh\nexit 1\n")
    failing.chmod(0o755)
    with pytest.raises(subprocess.SubprocessError):
        services.Units(services.Options(), str(tmp_path), str(failing)).read()


def stat(pid: int, name: str, state: str, parent: int = 1, ticks: int = 10) -> str:
    return f"{pid} ({name}) {state} {parent} " + " ".join("0" * 9) + f" {ticks} 0 0 0 20 0 1 0 {pid} 0 0\n"


def machine(*stats: str) -> dict[str, str]:
    files = {line.split()[0] + "/stat": line for line in stats}
    return files | {
        "sys/fs/file-nr": "1024\t0\t4096\n",
        "loadavg": "0 0 0 1/500 9\n",
        "sys/kernel/pid_max": "32768\n",
        "sys/kernel/threads-max": "1000\n",
    }


def test_processes_that_are_stuck_or_dead(tree: Tree) -> None:
    proc = tree(
        machine(
            stat(2, "kthreadd", "S", 0),
            stat(3, "kworker/0:1", "D", 2),
            stat(10, "py) (thon", "S"),
            stat(11, "worker", "Z", 10),
            stat(12, "worker", "Z", 10),
            stat(13, "cp", "D"),
        )
    )
    source = processes.Processes(processes.Options(), proc)
    first = source.read(now=0.0)
    assert (first.processes, first.zombies, first.zombie_parents) == (4, 2, {"py) (thon": 2})
    assert (first.threads, first.threads_most, first.files, first.files_most) == (500, 1000, 1024, 4096)
    assert [(process.pid, process.seconds) for process in first.blocked] == [(13, 0.0)]
    assert source.read(now=130.0).blocked[0].seconds == 130.0
    tree({"13/stat": stat(13, "cp", "D", ticks=11)})  # it has run in between
    assert source.read(now=140.0).blocked[0].seconds == 0.0


def test_a_real_zombie_and_open_files_of_a_process_by_name() -> None:
    name = re.sub(r"\s", "", Path("/proc/self/comm").read_text())
    child = subprocess.Popen(["sleep", "60"])
    try:
        child.send_signal(signal.SIGKILL)
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # dead, and not waited for
        found = processes.Processes(processes.Options(descriptors_of=(name,))).read()
    finally:
        child.wait(DEADLINE_S)
    assert found.zombies >= 1
    assert name in found.zombie_parents
    (own,) = [process for process in found.open if process.pid == os.getpid()]
    assert own.files
    assert own.most
    assert own.files >= 3


@pytest.mark.skipif(os.geteuid() == 0 and not os.path.exists("/usr/bin/setsid"), reason="needs util-linux")
def test_a_real_process_in_state_d() -> None:
    """A child of vfork(2) that sleeps leaves its parent in state D."""
    child = subprocess.Popen(["python3", "-c", VFORK], stdout=subprocess.PIPE, text=True)
    assert child.stdout
    try:
        assert child.stdout.readline() == "ready\n"
        source = processes.Processes(processes.Options())
        eventually(lambda: child.pid in {process.pid for process in source.read().blocked}, "it is seen in state D")
    finally:
        os.killpg(os.getpgid(child.pid), signal.SIGKILL) if os.getpgid(child.pid) == child.pid else child.kill()
        child.wait(DEADLINE_S)
        child.stdout.close()


VFORK = """
import ctypes, os
os.setpgid(0, 0)
print("ready", flush=True)
libc = ctypes.CDLL(None)
if libc.syscall(58) == 0:
    libc.pause()
"""


EXAMPLES = {
    "cpu_clock": cpu_clock.Reading(4, 4, 1, 1, 10**9, 10**9, 10**9, 10**9, "0x2b"),
    "temperature": temperature.Reading([temperature.Heat("coretemp_0", "Core 0", 50.0)]),
    "memory_ecc": memory_ecc.Reading([memory_ecc.Module("mc0/dimm0", 1, 0)]),
    "smart": smart.Reading(
        [found for found in (smart.parse("nvme0n1", NVME), smart.parse("sda", ATA), smart.parse("sdb", SAS)) if found]
    ),
    "bmc": bmc.Reading([part for part in bmc.parse(SDR) if "#" not in part.name]),
    "kernel_modules": kernel_modules.Reading({"ext4": True}, {"nouveau": False}),
    "services": services.Reading([services.Unit("a.service", "loaded", "active", "running", restarts=3)]),
    "disk_io": disk_io.Reading([disk_io.Disk("md0", 1, 1, 1.0, 1, 1, 1.0, 1, 1.0, 1.0, 1)]),
}

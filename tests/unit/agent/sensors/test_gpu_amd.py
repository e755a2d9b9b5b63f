"""AMD's GPUs: the sensors against a module that plays amdsmi's documented answers, judged by the checks of all GPUs."""

import copy
import importlib
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.checks import (
    Timed,
    Verdict,
    gpu_amd_driver,
    gpu_bad_pages,
    gpu_clock_low,
    gpu_ecc_corrected,
    gpu_ecc_uncorrected,
    gpu_hot,
    gpu_lost,
    gpu_memory_held,
    gpu_modes_mixed,
    gpu_pages_pending,
    gpu_pcie_degraded,
    gpu_pcie_replays,
    gpu_power,
    gpu_slowdown,
    gpu_xgmi_down,
)
from agent.sensors import Host, gpu_amd, gpu_amd_health
from agent.sensors.amd import bus
from agent.sensors.amd.library import LIBRARY
from agent.sensors.nvidia.device import Trouble
from wire.conditions import Severity, Status

FAKE = Path(__file__).parents[3] / "fakes" / "amd"
GIB, LOST = 2**30, 12
FAST = [gpu_amd_driver, gpu_clock_low, gpu_ecc_uncorrected, gpu_hot, gpu_lost, gpu_power, gpu_slowdown]
SLOW = [
    gpu_bad_pages,
    gpu_ecc_corrected,
    gpu_memory_held,
    gpu_modes_mixed,
    gpu_pages_pending,
    gpu_pcie_degraded,
    gpu_pcie_replays,
    gpu_xgmi_down,
]
MI300X: dict[str, Any] = {
    "asic_info": {"market_name": "AMD Instinct MI300X"},
    "temp HOTSPOT CURRENT": 61,
    "temp VRAM CURRENT": 55,
    "temp HOTSPOT CRITICAL": 100,
    "temp VRAM CRITICAL": 105,
    "activity": {"gfx_activity": 97, "umc_activity": 40, "mm_activity": "N/A"},
    "vram_usage": {"vram_total": 196_592, "vram_used": 150_000},
    "power_info": {"current_socket_power": 640, "average_socket_power": "N/A"},
    "power_cap_info": {"power_cap": 750_000_000},
    "clock GFX": {"clk": 2100, "max_clk": 2100},
    "total_ecc_count": {"correctable_count": 3, "uncorrectable_count": 0, "deferred_count": 0},
    "metrics_info": {"prochot_residency_acc": 0, "ppt_residency_acc": 5, "hbm_thm_residency_acc": "N/A"},
    "driver_info": {"driver_version": "6.14.14"},
    "bad_page_info": [{"status": 0}, {"status": 1}],
    "bad_page_threshold": 128,
    "xgmi_link_status": {"status": ["U", "U", "D", "X"], "total_links": 4},
    "xgmi_error_status": 0,
    "pcie_info": {
        "pcie_static": {"max_pcie_width": 16, "max_pcie_speed": 32_000},
        "pcie_metric": {"pcie_width": 16, "pcie_speed": 32_000, "pcie_replay_count": 7},
    },
    "process_list": [{"pid": os.getpid()}, {"pid": 2**22 + 1}],
}


class Machine:
    """Two GPUs on a PCI bus, and what amdsmi says of them."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.release = folder, folder / "release"
        self.played: dict[str, Any] = {"gpus": [self._gpu(number) for number in (0, 1)]}
        self.say()
        self._sensors: dict[str, Any] = {}

    def _gpu(self, number: int) -> dict[str, Any]:
        port = self.folder / "tree" / f"port{number}"
        entry = port / f"0000:{number}c:00.0"
        entry.mkdir(parents=True)
        for name, text in {"vendor": "0x1002", "class": "0x120000"}.items():
            (entry / name).write_text(f"{text}\n")
        for name, text in {"max_link_speed": "16.0 GT/s PCIe", "max_link_width": "16"}.items():
            (port / name).write_text(f"{text}\n")
        (self.folder / "pci").mkdir(exist_ok=True)
        (self.folder / "pci" / entry.name).symlink_to(entry)
        return copy.deepcopy({**MI300X, "bdf": entry.name, "uuid": f"AMD-{number}"})

    def say(self, gpu: int = 0, **answers: Any) -> None:
        """Underscores stand for blanks where there are capitals, as in temp_HOTSPOT_CURRENT."""
        named = {name.replace("_", " ") if name != name.lower() else name: each for name, each in answers.items()}
        self.played["gpus"][gpu].update(named)
        (self.folder / "played.json").write_text(json.dumps(self.played))

    def fail(self, status: int) -> None:
        self.played["driver"] = status
        self.say()

    def take_out(self, number: int) -> None:
        (self.folder / "pci" / f"0000:{number}c:00.0").unlink()
        del self.played["gpus"][number]
        LIBRARY.close()
        self.say()

    def look(self, sensor: ModuleType, **options: Any) -> Any:
        places = {"pci_devices": str(self.folder / "pci"), "release_file": str(self.release)}
        if sensor.__name__ not in self._sensors:
            attach: Any = sensor.attach
            host = Host(state_dir=str(self.folder))
            self._sensors[sensor.__name__] = attach(sensor.Options(**places, **options), host)
        return self._sensors[sensor.__name__].read()


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Machine]:
    monkeypatch.setenv("FAKE_AMDSMI", str(tmp_path / "played.json"))
    monkeypatch.syspath_prepend(str(FAKE))
    monkeypatch.delitem(sys.modules, "amdsmi", raising=False)
    yield Machine(tmp_path)
    LIBRARY.close()
    sys.modules.pop("amdsmi", None)


def judged(check: Any, *readings: Any) -> Any:
    window = [Timed(60.0 * number, reading) for number, reading in enumerate(readings)]
    return check.judge(window, check.Thresholds())


def reasons(check: Any, *readings: Any) -> dict[str, str]:
    return {name: str(verdict.reason) for name, verdict in judged(check, *readings).items()}


def test_what_is_read(machine: Machine) -> None:
    reading = machine.look(gpu_amd)
    gpu = reading.gpus[0]
    assert (reading.driver_version, gpu.uuid, gpu.pci, gpu.model) == (
        "6.14.14",
        "AMD-0",
        "0000:0c:00",
        "AMD Instinct MI300X",
    )
    assert (gpu.temperature_c, gpu.memory_temperature_c, gpu.edge_c) == (61, 55, None)
    assert (gpu.power_w, gpu.power_limit_w, gpu.sm_clock_mhz, gpu.utilization) == (640, 750.0, 2100, 97)
    assert (gpu.memory_bytes, gpu.ecc_uncorrected) == (196_592 * 2**20, 0)
    health = machine.look(gpu_amd_health).gpus[1]
    assert (health.bad_pages, health.retired_pending, health.bad_pages_unreservable, health.bad_pages_most) == (
        1,
        1,
        0,
        128,
    )
    assert (health.xgmi_links, health.xgmi_links_up, health.xgmi_errors) == (3, 2, 0)
    assert (health.pcie_generation, health.pcie_generation_max, health.pcie_width_max) == (5, 4, 16)
    assert (health.processes, health.processes_alive, health.ecc_corrected) == (2, 1, 3)


def test_a_healthy_one_is_well(machine: Machine) -> None:
    for number in (0, 1):
        machine.say(number, bad_page_info=[], xgmi_link_status={"status": ["U"], "total_links": 1})
    looks = [machine.look(gpu_amd), machine.look(gpu_amd)]
    slow = [machine.look(gpu_amd_health), machine.look(gpu_amd_health)]
    for check in [*FAST, *SLOW]:
        verdicts = judged(check, *(looks if check in FAST else slow)[-check.WINDOW :])
        for verdict in [verdicts] if isinstance(verdicts, Verdict) else verdicts.values():
            assert verdict.status is Status.FALSE, verdict


@pytest.mark.parametrize(
    ("answers", "check", "expected"),
    [
        ({"temp_HOTSPOT_CURRENT": 101}, gpu_hot, "core_hot"),
        ({"temp_VRAM_CURRENT": 104}, gpu_hot, "memory_hot"),
        (
            {"total_ecc_count": {"correctable_count": 3, "uncorrectable_count": 1}},
            gpu_ecc_uncorrected,
            "uncorrected_errors",
        ),
        ({"power_info": {"average_socket_power": 900, "current_socket_power": "N/A"}}, gpu_power, "power_over_limit"),
        ({"clock_GFX": {"clk": 132, "max_clk": 2100}}, gpu_clock_low, "clock_stuck_low"),
    ],
)
def test_the_checks_of_all_gpus_judge_it(machine: Machine, answers: dict[str, Any], check: Any, expected: str) -> None:
    machine.say(1, **answers)
    found = reasons(check, machine.look(gpu_amd))
    assert found.pop("AMD-1") == expected
    assert expected not in found.values()


@pytest.mark.parametrize(
    ("answers", "check", "expected"),
    [
        ({}, gpu_pages_pending, "pages_pending"),
        ({}, gpu_xgmi_down, "links_down"),
        ({"xgmi_link_status": {"status": ["U"]}, "xgmi_error_status": 2}, gpu_xgmi_down, "link_errors"),
        ({"bad_page_info": [{"status": 2}]}, gpu_bad_pages, "pages_unreservable"),
        ({"bad_page_info": [{"status": 0}] * 128}, gpu_bad_pages, "threshold_reached"),
        ({"process_list": []}, gpu_memory_held, "held_by_nobody"),
        ({"pcie_info": {"pcie_metric": {"pcie_width": 8, "pcie_speed": 16_000}, "pcie_static": {"max_pcie_width": 16}}},
         gpu_pcie_degraded, "width_degraded"),
    ],
)  # fmt: skip
def test_what_changes_slowly(machine: Machine, answers: dict[str, Any], check: Any, expected: str) -> None:
    machine.say(1, **answers)
    assert reasons(check, machine.look(gpu_amd_health))["AMD-1"] == expected


def test_counters_that_grow(machine: Machine) -> None:
    before = machine.look(gpu_amd_health)
    machine.say(0, total_ecc_count={"correctable_count": 30, "uncorrectable_count": 0})
    pcie = {"pcie_width": 16, "pcie_speed": 16_000, "pcie_replay_count": 70}
    machine.say(1, pcie_info={"pcie_metric": pcie, "pcie_static": {}})
    now = machine.look(gpu_amd_health)
    assert reasons(gpu_ecc_corrected, before, now)["AMD-0"] == "corrected_errors_many"
    assert reasons(gpu_pcie_replays, before, now) == {"AMD-0": "replays_few", "AMD-1": "replays_many"}


def test_what_slowed_it_down_since_the_last_look(machine: Machine) -> None:
    assert machine.look(gpu_amd).gpus[0].clock_reasons is None
    machine.say(0, metrics_info={"prochot_residency_acc": 0, "ppt_residency_acc": 9})
    machine.say(1, metrics_info={"prochot_residency_acc": 4, "ppt_residency_acc": 5})
    found = machine.look(gpu_amd)
    assert [gpu.clock_reasons for gpu in found.gpus] == [0x04, 0x48]
    assert reasons(gpu_slowdown, found) == {"AMD-0": "clocks_free", "AMD-1": "hardware_thermal"}


def test_one_that_errors_hides_no_other_and_is_opened_anew(machine: Machine) -> None:
    machine.say(1, activity={"status": LOST})
    found = machine.look(gpu_amd)
    assert [gpu.trouble for gpu in found.gpus] == [Trouble.NONE, Trouble.NO_ANSWER]
    assert reasons(gpu_lost, found) == {"AMD-0": "gpu_present", "AMD-1": "gpu_no_answer"}
    fake = importlib.import_module("amdsmi")
    assert fake.OPENED["open"] == 0
    machine.say(1, activity={"gfx_activity": 1})
    assert [gpu.trouble for gpu in machine.look(gpu_amd).gpus] == [Trouble.NONE, Trouble.NONE]


def test_one_that_is_gone_is_missed(machine: Machine) -> None:
    machine.look(gpu_amd)
    machine.take_out(1)
    assert reasons(gpu_lost, machine.look(gpu_amd)) == {"AMD-0": "gpu_present", "AMD-1": "gpu_missing"}


def test_one_that_the_driver_has_not(machine: Machine) -> None:
    del machine.played["gpus"][1]
    machine.say()
    assert reasons(gpu_lost, machine.look(gpu_amd)) == {"AMD-0": "gpu_present", "0000:1c:00": "gpu_uncounted"}


@pytest.mark.parametrize(
    ("status", "reason"), [(34, "driver_not_loaded"), (10, "no_permission"), (18, "driver_failed")]
)
def test_the_driver(machine: Machine, status: int, reason: str) -> None:
    machine.fail(status)
    reading = machine.look(gpu_amd)
    assert str(judged(gpu_amd_driver, reading).reason) == reason
    assert {verdict.status for verdict in judged(gpu_lost, reading).values()} == {Status.UNKNOWN}
    assert len(machine.look(gpu_amd_health).gpus) == 2


def test_it_is_released_for_a_reset(machine: Machine) -> None:
    machine.look(gpu_amd)
    fake = importlib.import_module("amdsmi")
    assert fake.OPENED["open"] == 1
    machine.release.touch()
    assert machine.look(gpu_amd).trouble is Trouble.RELEASED
    assert fake.OPENED["open"] == 0


def test_without_the_library(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "amdsmi", None)
    reading = machine.look(gpu_amd)
    assert reading.trouble is Trouble.LIBRARY_MISSING
    assert "mainstay[amd]" in reading.error


def test_a_machine_without_amd_gpus(tmp_path: Path) -> None:
    (tmp_path / "pci" / "0000:01:00.0").mkdir(parents=True)
    for name, text in {"vendor": "0x1002", "class": "0x030000"}.items():
        (tmp_path / "pci" / "0000:01:00.0" / name).write_text(text)
    places = {"pci_devices": str(tmp_path / "pci"), "release_file": str(tmp_path / "release")}
    for sensor in (gpu_amd, gpu_amd_health):
        attach: Any = sensor.attach
        assert attach(sensor.Options(**places), Host(state_dir=str(tmp_path))).read() is None
    assert bus.gpus(places["pci_devices"], displays=True) == ["0000:01:00"]


@pytest.mark.parametrize(("gt_s", "generation"), [(0, None), (2.5, 1), (8000, 3), (16.0, 4), (32_000, 5), (64, 6)])
def test_pcie_generations(gt_s: float, generation: int | None) -> None:
    assert bus.generation(gt_s) == generation


READINGS = {"gpu_amd": gpu_amd.Reading, "gpu_amd_health": gpu_amd_health.Reading}


@pytest.mark.parametrize("check", [*FAST, *SLOW], ids=lambda check: check.TYPE)
@given(data=st.data())
def test_no_reading_makes_a_check_raise(check: Any, data: st.DataObject) -> None:
    sensor = check.READS if isinstance(check.READS, str) else check.READS[-1]
    window = [Timed(30.0 * number, data.draw(st.from_type(READINGS[sensor]))) for number in range(check.WINDOW)]
    verdicts = check.judge(window, check.Thresholds())
    for verdict in [verdicts] if isinstance(verdicts, Verdict) else verdicts.values():
        assert verdict.message
        assert verdict.status is not Status.TRUE or verdict.suggested_action
        assert verdict.severity in Severity

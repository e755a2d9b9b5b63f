"""The real pynvml, in a process of its own, against a library that speaks NVML's ABI; and against a real GPU's where
there is one."""

import ctypes.util
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import Mock

import pytest
from fakes.deadline import eventually
from fakes.nvml_fake import Nvml, build_library, can_build, component, uuid
from fakes.nvml_reader import Reader

from agent.sensors import gpu_nvml, gpu_nvml_health
from agent.sensors.nvidia import pci
from agent.sensors.nvidia.device import Trouble

FAST, SLOW, EVENTS = "gpu_nvml", "gpu_nvml_health", "gpu_nvml_events"
NO_REAL_GPU = "no NVIDIA GPU with its driver on this machine"


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if not can_build():
        pytest.skip("no C compiler on this machine")
    return build_library(tmp_path_factory.mktemp("nvml"))


@pytest.fixture
def fake(library: Path, tmp_path: Path) -> Nvml:
    return Nvml(library, tmp_path)


@pytest.fixture
def reader(fake: Nvml, tmp_path: Path) -> Iterator[Reader]:
    with Reader(fake.environment, fake.options, tmp_path) as running:
        yield running


@pytest.fixture(params=["fake", "real"])
def any_reader(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Reader]:
    if request.param == "fake":
        yield request.getfixturevalue("reader")
        return
    if not (ctypes.util.find_library("nvidia-ml") and pci.gpus("/sys/bus/pci/devices")):
        pytest.skip(NO_REAL_GPU)
    with Reader({}, {"release_file": str(tmp_path / "release")}, tmp_path) as running:
        yield running


def test_every_gpu_tells_what_it_has(any_reader: Reader) -> None:
    reading = any_reader.read(FAST)
    assert reading.trouble is Trouble.NONE, reading.error
    assert reading.driver_version
    for gpu in reading.gpus:
        assert (gpu.trouble, gpu.error) == (Trouble.NONE, "")
        assert gpu.uuid.startswith("GPU-")
        assert gpu.temperature_c is not None
        assert gpu.memory_bytes is not None
        assert gpu.memory_bytes >= gpu.memory_used_bytes
    assert [each.uuid for each in gpu_nvml.accelerators(reading)] == [gpu.uuid for gpu in reading.gpus]


def test_what_changes_slowly(any_reader: Reader) -> None:
    for gpu in any_reader.read(SLOW).gpus:
        assert gpu.trouble is Trouble.NONE, gpu.error
        assert gpu.pcie_width_max
        assert gpu.processes is not None


def test_releasing_the_gpus_closes_nvml_and_taking_them_back_reads_again(any_reader: Reader, tmp_path: Path) -> None:
    before = any_reader.read(FAST)
    (tmp_path / "release").touch()
    released = any_reader.read(FAST)
    assert released.trouble is Trouble.RELEASED
    assert [gpu.uuid for gpu in released.gpus] == [gpu.uuid for gpu in before.gpus]
    assert {gpu.trouble for gpu in any_reader.read(SLOW).gpus} == {Trouble.RELEASED}
    (tmp_path / "release").unlink()
    assert any_reader.read(FAST).trouble is Trouble.NONE


def test_release_shuts_nvml_down_once_for_all_sensors(fake: Nvml, reader: Reader, tmp_path: Path) -> None:
    fake.traced()
    reader.read(FAST), reader.read(SLOW)
    reader.ask(EVENTS)
    eventually(lambda: "nvmlEventSetWait_v2" in fake.calls(), "it waits for events")
    (tmp_path / "release").touch()
    eventually(lambda: "nvmlShutdown" in fake.calls(), "NVML is shut down without any sensor being asked")
    assert (fake.calls().count("nvmlInitWithFlags"), fake.calls().count("nvmlShutdown")) == (1, 1)
    assert fake.calls().count("nvmlEventSetFree") == fake.calls().count("nvmlEventSetCreate")


def test_values_arrive_as_they_are(fake: Nvml, reader: Reader) -> None:
    fake.gpu(2, temperature_c=91, memory_temperature_c=97, power_mw=712500, ecc_uncorrected=2**40, clock_reasons=0x48)
    fake.gpu(2, pcie_width=8, nvlinks_down=0b101, fabric_state=2, fabric_health=0x1, mig=1, remap_pending=1)
    fast, slow = reader.read(FAST).gpus[2], reader.read(SLOW).gpus[2]
    assert (fast.pci, fast.uuid, fast.model) == (component(2), uuid(2), "NVIDIA H100 80GB HBM3")
    assert (fast.temperature_c, fast.memory_temperature_c, fast.slowdown_c, fast.power_w) == (91, 97, 92, 712.5)
    assert (fast.ecc_uncorrected, fast.clock_reasons) == (2**40, 0x48)
    assert (slow.pcie_width, slow.nvlinks, slow.nvlinks_active, slow.remap_pending, slow.mig) == (8, 18, 16, 1, 1)
    assert (slow.fabric_state, slow.fabric_health, slow.retired_pending) == (2, 1, None)


def test_what_a_gpu_does_not_have_is_none(fake: Nvml, reader: Reader) -> None:
    lacking = dict.fromkeys(["memory_temperature_c", "ecc_uncorrected", "ecc_mode", "nvlinks", "fabric_state", "mig"])
    fake.gpu(**lacking, utilization=None, power_mw=None, memory_total=None, pcie_replays=None)
    fast, slow = reader.read(FAST).gpus[0], reader.read(SLOW).gpus[0]
    assert fast.trouble is slow.trouble is Trouble.NONE
    assert {fast.memory_temperature_c, fast.ecc_uncorrected, fast.utilization, fast.power_w, fast.memory_bytes} == {
        None
    }
    assert {slow.ecc_mode, slow.nvlinks, slow.nvlinks_active, slow.fabric_state, slow.mig, slow.pcie_replays} == {None}


def test_an_old_driver_tells_links_one_by_one(fake: Nvml, reader: Reader) -> None:
    fake.gpu(nvlink_by_field=0, nvlinks_down=0b1)
    assert {gpu.nvlinks_active for gpu in reader.read(SLOW).gpus} == {17}


def test_a_look_takes_few_calls(fake: Nvml, reader: Reader) -> None:
    reader.read(FAST)
    fake.traced()
    reader.read(FAST)
    assert len(fake.calls()) <= 8 * 8


def test_what_kills_is_new_in_each_look_and_what_it_carries_now_and_then(fake: Nvml, tmp_path: Path) -> None:
    def told(reader: Reader) -> tuple[int, float]:
        gpu = reader.read(FAST).gpus[0]
        return gpu.temperature_c, gpu.power_w

    for load_every_s, power_w in ((3600.0, 100.0), (1e-9, 200.0)):
        fake.gpu(0, temperature_c=50, power_mw=100_000)
        with Reader(fake.environment, {**fake.options, "load_every_s": load_every_s}, tmp_path) as reader:
            assert told(reader) == (50, 100.0)
            fake.gpu(0, temperature_c=60, power_mw=200_000)
            assert told(reader) == (60, power_w)


@pytest.mark.parametrize("when", ["before", "after"], ids=["before NVML was opened", "while it is open"])
def test_a_lost_gpu_hides_no_other(fake: Nvml, reader: Reader, when: str) -> None:
    if when == "after":
        reader.read(FAST)
    fake.lose(3)
    gpus = reader.read(FAST).gpus
    assert [gpu.trouble for gpu in gpus] == [Trouble.LOST if index == 3 else Trouble.NONE for index in range(8)]
    assert gpus[3].pci == component(3)
    assert gpus[3].uuid == (uuid(3) if when == "after" else "")
    assert [gpu.trouble for gpu in reader.read(SLOW).gpus].count(Trouble.LOST) == 1


def test_one_that_errors_says_how(fake: Nvml, reader: Reader) -> None:
    fake.call("nvmlDeviceGetPowerUsage", gpu=1, error=999)
    fake.call("nvmlDeviceGetTemperature", gpu=2, error=16)
    gpus = reader.read(FAST).gpus
    assert [gpus[1].trouble, gpus[2].trouble, gpus[5].trouble] == ["no_answer", "reset_required", ""]
    fake.answer("nvmlDeviceGetPowerUsage", gpu=1)
    assert reader.read(FAST).gpus[1].trouble is Trouble.NONE


def test_one_that_the_driver_did_not_take_is_seen_on_the_bus(fake: Nvml, reader: Reader) -> None:
    fake.uncount(5)
    gpus = {gpu.pci: gpu.trouble for gpu in reader.read(FAST).gpus}
    assert len(gpus) == 8
    assert gpus[component(5)] is Trouble.UNCOUNTED


def test_a_gpu_that_a_reboot_lost_is_missed_until_a_person_accepts_it(fake: Nvml, tmp_path: Path) -> None:
    def gpus(**options: int) -> list[gpu_nvml.Gpu]:
        with Reader(fake.environment, {**fake.options, **options}, tmp_path) as fresh:
            found: list[gpu_nvml.Gpu] = fresh.read(FAST).gpus
            return found

    assert len(gpus()) == 8
    fake.uncount(7)
    fake.unplug(7)
    missing = [gpu for gpu in gpus() if gpu.trouble is Trouble.MISSING]
    assert [(gpu.uuid, gpu.pci) for gpu in missing] == [(uuid(7), component(7))]
    assert len(gpus(expected=7)) == 7
    assert [gpu.component for gpu in gpus(expected=9) if gpu.trouble] == [uuid(7), "unknown-1"]
    (tmp_path / "gpus-seen.json").unlink()
    assert len(gpus()) == 7


def test_another_gpu_in_the_slot_takes_the_place(fake: Nvml, tmp_path: Path) -> None:
    for name in ("GPU-old", "GPU-new"):
        fake.gpu(0, uuid=name)
        with Reader(fake.environment, fake.options, tmp_path) as fresh:
            gpus = fresh.read(FAST).gpus
    assert (len(gpus), gpus[0].uuid) == (8, "GPU-new")


@pytest.mark.parametrize(
    ("code", "trouble"),
    [(18, Trouble.VERSION_MISMATCH), (9, Trouble.DRIVER_NOT_LOADED), (4, Trouble.NO_PERMISSION), (999, "no_answer")],
)
def test_a_driver_that_does_not_work_is_named(fake: Nvml, reader: Reader, code: int, trouble: str) -> None:
    fake.call("nvmlInitWithFlags", error=code)
    reading = reader.read(FAST)
    assert reading.trouble == trouble
    assert {gpu.trouble for gpu in reading.gpus} == {trouble}
    fake.answer("nvmlInitWithFlags")
    assert reader.read(FAST).trouble is Trouble.NONE


def test_no_library_is_named_and_no_gpu_is_nothing(fake: Nvml, tmp_path: Path) -> None:
    if ctypes.util.find_library("nvidia-ml"):
        pytest.skip("NVIDIA's own library is on this machine")
    with Reader({}, fake.options, tmp_path) as reader:
        assert reader.read(FAST).trouble is Trouble.LIBRARY_MISSING
        fake.unplug(*range(8))
        assert reader.read(FAST) is None
        assert reader.read(SLOW) is None
        assert reader.read(EVENTS) is None  # it ends


@pytest.mark.parametrize("how", ["hang", "stuck"])
def test_a_call_that_hangs_holds_up_only_who_calls(fake: Nvml, reader: Reader, how: str) -> None:
    reader.read(FAST)
    fake.call("nvmlDeviceGetTemperature", gpu=2, **{how: True})
    reader.ask(FAST)
    if how == "stuck":
        eventually(lambda: "D" in thread_states(reader.pid), "a thread in state D")
    reading = reader.read(SLOW)  # answers first
    assert {gpu.trouble for gpu in reading.gpus} == {Trouble.NONE}
    fake.answer("nvmlDeviceGetTemperature", gpu=2)
    assert reader.answer()[0] == FAST


def test_a_process_whose_call_is_stuck_can_be_killed(fake: Nvml, tmp_path: Path) -> None:
    fake.call("nvmlInitWithFlags", stuck=True)
    with Reader(fake.environment, fake.options, tmp_path) as reader:
        reader.ask(FAST)
        eventually(lambda: "D" in thread_states(reader.pid), "a thread in state D")
        pid = reader.pid
    assert not Path(f"/proc/{pid}").exists()


def thread_states(pid: int) -> str:
    stats = [path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/stat")]
    return "".join(stat.rpartition(") ")[2][0] for stat in stats)


def test_an_xid_is_a_sighting(fake: Nvml, reader: Reader) -> None:
    fake.traced()
    reader.ask(EVENTS)
    eventually(lambda: "nvmlEventSetWait_v2" in fake.calls(), "it waits for events")
    before = time.clock_gettime(time.CLOCK_BOOTTIME)
    for code in (79, 79):
        fake.xid(3, code)
        _, sighting = reader.answer()
        assert (sighting.kind, sighting.code, sighting.component) == ("xid", "79", component(3))
        assert sighting.source == EVENTS
        assert before <= sighting.at <= time.clock_gettime(time.CLOCK_BOOTTIME)


def test_xids_are_told_after_a_gpu_was_lost_and_after_a_release(fake: Nvml, reader: Reader, tmp_path: Path) -> None:
    fake.traced()
    reader.ask(EVENTS)
    eventually(lambda: "nvmlEventSetWait_v2" in fake.calls(), "it waits for events")
    fake.lose(0)
    eventually(lambda: fake.calls().count("nvmlEventSetCreate") > 1, "it listens to the others anew")
    fake.xid(1, 48)
    assert reader.answer()[1].code == "48"
    fake.find(0)
    (tmp_path / "release").touch()
    eventually(lambda: "nvmlShutdown" in fake.calls(), "NVML is shut down")
    sets = fake.calls().count("nvmlEventSetCreate")
    (tmp_path / "release").unlink()
    eventually(lambda: fake.calls().count("nvmlEventSetCreate") > sets, "it listens again")
    fake.xid(0, 13)
    assert reader.answer()[1].component == component(0)


def test_processes_that_are_gone_are_told_apart(fake: Nvml, reader: Reader) -> None:
    ended = subprocess.Popen(["true"])
    ended.wait()
    fake.processes(4, [(os.getpid(), 2**30), (ended.pid, 2**30)])
    gpu = reader.read(SLOW).gpus[4]
    assert (gpu.processes, gpu.processes_alive) == (2, 1)


def test_who_renders_has_memory_too(fake: Nvml, reader: Reader) -> None:
    fake.processes(4, [(os.getpid(), 2**31)], kind="renderer")
    gpu = reader.read(SLOW).gpus[4]
    assert (gpu.processes, gpu.processes_alive) == (1, 1)


def test_a_process_hidden_from_us_lives(monkeypatch: pytest.MonkeyPatch) -> None:
    """With hidepid another user's process has no directory in /proc, and a signal to it is forbidden."""
    monkeypatch.setattr(os, "kill", Mock(side_effect=PermissionError))
    assert gpu_nvml_health._runs(2**22 + 1)
    monkeypatch.setattr(os, "kill", Mock(side_effect=ProcessLookupError))
    assert not gpu_nvml_health._runs(2**22 + 1)


def test_metrics_have_dcgm_names_and_no_silent_gpu(fake: Nvml, reader: Reader) -> None:
    fake.lose(1)
    fast, slow = reader.read(FAST), reader.read(SLOW)
    families = {family.name: family for family in (*gpu_nvml.metrics(fast), *gpu_nvml_health.metrics(slow))}
    assert len(families["DCGM_FI_DEV_GPU_TEMP"].samples) == 7
    labels, value = families["DCGM_FI_DEV_GPU_TEMP"].samples[0]
    assert labels == {
        "gpu": "0",
        "UUID": uuid(0),
        "pci_bus_id": "00000000:18:00.0",
        "model_name": "NVIDIA H100 80GB HBM3",
    }
    assert value == 55
    assert "DCGM_FI_DEV_RETIRED_PENDING" not in families  # a Hopper has none


@pytest.mark.skipif(shutil.which("promtool") is None, reason="no promtool on this machine")
def test_promtool_finds_nothing_to_say(reader: Reader) -> None:
    fast, slow = reader.read(FAST), reader.read(SLOW)
    families = [*gpu_nvml.metrics(fast), *gpu_nvml_health.metrics(slow)]
    text = "".join(
        f"# HELP {each.name} {each.help}\n# TYPE {each.name} {each.kind}\n{each.name} 1\n" for each in families
    )
    checked = subprocess.run(["promtool", "check", "metrics"], input=text, text=True, capture_output=True, check=False)
    assert (checked.returncode, checked.stdout + checked.stderr) == (0, "")


def test_cards_given_to_virtual_machines_are_not_counted(fake: Nvml) -> None:
    (fake.pci / f"{component(0)}.0" / "driver").symlink_to("/sys/bus/pci/drivers/vfio-pci")
    (fake.pci / "0000:01:00.0").mkdir()  # unplugged this moment: nothing to read
    assert pci.gpus(str(fake.pci)) == [component(index) for index in range(1, 8)]
    assert pci.gpus("/nowhere") == []

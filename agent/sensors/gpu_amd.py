"""AMD's GPUs: which are there, and what kills or slows training within seconds. amdsmi, few calls.

What it reads has the shape of NVIDIA's GPUs, so that the same checks judge it. A machine with no AMD GPU on its PCI
bus, that never had one and is not expected to, has no reading, and amdsmi is not even loaded.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec

from agent.sensors import Family, Host, Seconds, gpu_nvml
from agent.sensors.amd import AmdOptions, bus
from agent.sensors.amd.library import LIBRARY, Found, Opened, ask, number, text_of, trouble_of
from agent.sensors.nvidia import inventory
from agent.sensors.nvidia.device import Device, Trouble, known_by
from agent.sensors.nvidia.labels import families
from agent.sensors.nvidia.session import Unavailable

FILE = "amd-gpus-seen.json"
MIB = 2**20
# Counters of how long it was slowed down, and NVML's bit for the cause.
SLOWED = {
    "prochot_residency_acc": 0x08 | 0x40,
    "socket_thm_residency_acc": 0x08 | 0x40,
    "vr_thm_residency_acc": 0x08 | 0x40,
    "hbm_thm_residency_acc": 0x08 | 0x40,
    "ppt_residency_acc": 0x04,
}


class Options(AmdOptions, frozen=True):
    """``expected``: how many GPUs this node must have. Not set: as many as were ever seen; a person accepts a smaller
    number by setting it, or by deleting amd-gpus-seen.json in the agent's state directory."""

    every_s: Seconds = 5.0
    deadline_s: Seconds = 10.0
    expected: int | None = None


class Gpu(gpu_nvml.Gpu, frozen=True):
    """``temperature_c`` is the hotspot's, which is what slows it down; ``edge_c`` the package's edge. ``clock_reasons``
    has NVML's bits, for what slowed it down since the last look."""

    edge_c: int | None = None


class Reading(msgspec.Struct, frozen=True):
    """``trouble`` and ``error`` are amdsmi's as a whole. ``gpus`` has those that are missing too."""

    driver_version: str
    trouble: Trouble
    error: str
    gpus: list[Gpu]


class Watch:
    """Looks again and again, and remembers which GPUs there were, and how long each had been slowed down."""

    def __init__(self, options: Options, host: Host) -> None:
        self._options = options
        self._file = Path(host.state_dir) / FILE if host.state_dir else None
        self._slowed: dict[str, dict[str, int]] = {}

    def tell(self, news: bytes) -> None:
        raise NotImplementedError

    def read(self) -> Reading | None:
        buses, known = bus.gpus(self._options.pci_devices, self._options.displays), inventory.load(self._file)
        if not (buses or known or self._options.expected):
            return None
        try:
            with LIBRARY.use(self._options.release_file) as opened:
                gpus = [self._look(opened, found) for found in opened.found]
                version = _driver(opened)
        except Unavailable as why:
            unread = inventory.unread(known, buses, why.trouble, str(why))
            return Reading("", why.trouble, str(why), self._with_missing(known, [_silent(each) for each in unread]))
        if any(gpu.trouble for gpu in gpus):
            LIBRARY.close()  # it may be back under a new handle
        gpus += _uncounted(known, gpus, buses)
        self._keep(known, gpus)
        return Reading(version, Trouble.NONE, "", self._with_missing(known, gpus))

    def _look(self, opened: Opened, found: Found) -> Gpu:
        """One GPU; one that errors hides no other."""
        if found.handle is None:
            return _silent(found.device)
        try:
            facts = _facts(opened.smi, found.handle)
            facts["clock_reasons"] = self._reasons(opened.smi, found)
            return Gpu(**known_by(found.device), **facts)
        except opened.smi.AmdSmiException as error:
            return _silent(msgspec.structs.replace(found.device, trouble=trouble_of(error), error=text_of(error)))

    def _reasons(self, smi: Any, found: Found) -> int | None:
        """None where it keeps no such counters, or at the first look."""
        told = ask(smi, smi.amdsmi_get_gpu_metrics_info, found.handle)
        now = {name: value for name in SLOWED if (value := number(told, name)) is not None}
        before, self._slowed[found.device.uuid] = self._slowed.get(found.device.uuid), now
        if not now or before is None:
            return None
        bits = 0
        for name, value in now.items():
            bits |= SLOWED[name] if value > before.get(name, value) else 0
        return bits

    def _keep(self, known: inventory.Inventory, gpus: list[Gpu]) -> None:
        fresh = inventory.after(known, gpus)
        if fresh != known:
            inventory.save(self._file, fresh)

    def _with_missing(self, known: inventory.Inventory, gpus: list[Gpu]) -> list[Gpu]:
        return gpus + [_silent(each) for each in inventory.missing(known, gpus, self._options.expected)]


attach = Watch


def _facts(smi: Any, handle: Any) -> dict[str, Any]:
    type_, clock = smi.AmdSmiTemperatureType, ask(smi, smi.amdsmi_get_clock_info, handle, smi.AmdSmiClkType.GFX)
    activity, memory = ask(smi, smi.amdsmi_get_gpu_activity, handle), ask(smi, smi.amdsmi_get_gpu_vram_usage, handle)
    power, cap = ask(smi, smi.amdsmi_get_power_info, handle), ask(smi, smi.amdsmi_get_power_cap_info, handle)
    return {
        "temperature_c": _celsius(smi, handle, type_.HOTSPOT, "CURRENT"),
        "edge_c": _celsius(smi, handle, type_.EDGE, "CURRENT"),
        "memory_temperature_c": _celsius(smi, handle, type_.VRAM, "CURRENT"),
        "slowdown_c": _celsius(smi, handle, type_.HOTSPOT, "CRITICAL"),
        "memory_max_c": _celsius(smi, handle, type_.VRAM, "CRITICAL"),
        "power_w": number(power, "current_socket_power", "average_socket_power"),
        "power_limit_w": _millionth(number(cap, "power_cap")),
        "sm_clock_mhz": number(clock, "clk"),
        "sm_clock_max_mhz": number(clock, "max_clk"),
        "utilization": number(activity, "gfx_activity"),
        "memory_utilization": number(activity, "umc_activity"),
        "memory_bytes": _mib(number(memory, "vram_total")),
        "memory_used_bytes": _mib(number(memory, "vram_used")),
        "ecc_uncorrected": number(ask(smi, smi.amdsmi_get_gpu_total_ecc_count, handle), "uncorrectable_count"),
    }


def _celsius(smi: Any, handle: Any, part: Any, metric: str) -> int | None:
    """0: the sensor or the limit is not there."""
    return ask(smi, smi.amdsmi_get_temp_metric, handle, part, getattr(smi.AmdSmiTemperatureMetric, metric)) or None


def _mib(value: int | None) -> int | None:
    return None if value is None else value * MIB


def _millionth(value: int | None) -> float | None:
    return None if value is None else value / 1e6


def _driver(opened: Opened) -> str:
    handle = next((found.handle for found in opened.found if found.handle is not None), None)
    if handle is None:
        return ""
    try:
        told = ask(opened.smi, opened.smi.amdsmi_get_gpu_driver_info, handle)
    except opened.smi.AmdSmiException:
        return ""
    return str((told or {}).get("driver_version", ""))


def _silent(device: Device) -> Gpu:
    return Gpu(**known_by(device))


def _uncounted(known: inventory.Inventory, gpus: list[Gpu], buses: list[str]) -> list[Gpu]:
    """On the PCI bus, and not with the driver."""
    claimed = {gpu.pci for gpu in gpus}
    rest = [each for each in buses if each not in claimed]
    error = "on the PCI bus, and the driver does not have it"
    return [_silent(each) for each in inventory.unread(known, rest, Trouble.UNCOUNTED, error)]


METRICS = {
    "edge_c": ("gpu_edge_temperature", "Temperature at the edge (in C).", 1),
    "temperature_c": ("gpu_junction_temperature", "Temperature of the hottest spot (in C).", 1),
    "memory_temperature_c": ("gpu_memory_temperature", "Memory temperature (in C).", 1),
    "power_w": ("gpu_package_power", "Power draw (in W).", 1),
    "power_limit_w": ("mainstay_amd_power_limit", "Power cap (in W).", 1),
    "sm_clock_mhz": ("gpu_clock", "Graphics clock frequency (in MHz).", 1),
    "clock_reasons": ("mainstay_amd_clock_reasons", "Why clocks were not higher (NVML's bits).", 1),
    "utilization": ("gpu_gfx_activity", "Utilization (in %).", 1),
    "memory_utilization": ("gpu_umc_activity", "Memory utilization (in %).", 1),
    "memory_bytes": ("gpu_total_vram", "Memory (in MiB).", 1 / MIB),
    "memory_used_bytes": ("gpu_used_vram", "Memory used (in MiB).", 1 / MIB),
    "ecc_uncorrected": ("gpu_ecc_uncorrectable", "Uncorrectable errors since the driver was loaded.", 1),
}


def metrics(reading: Reading) -> Iterable[Family]:
    """Names and units of AMD's device-metrics-exporter; its counters are gauges here."""
    return families(reading.gpus, METRICS)

"""NVIDIA's GPUs: which are there, and what kills or slows training within seconds. NVML, few calls.

What ends a job or ruins its numbers is asked at every look: whether the GPU answers, its temperatures, why its clocks
are lowered, uncorrectable errors, and what the driver wants done. What it carries (power, clock, utilisation, memory)
is shown and judged over a minute, and costs nearly as much: it is asked every ``load_every_s`` and stands as it was in
between. dcgm-exporter asks each 30 s.

A machine with no NVIDIA GPU on its PCI bus, that never had one and is not expected to, has no reading, and NVML is not
even loaded.
"""

import time
from collections.abc import Iterable
from typing import Any

import msgspec

from agent.sensors import Family, Host, Seconds
from agent.sensors.nvidia import NvidiaOptions, inventory, pci
from agent.sensors.nvidia.calls import ask, fields, trouble_of
from agent.sensors.nvidia.device import Device, Trouble, known_by
from agent.sensors.nvidia.labels import families
from agent.sensors.nvidia.session import SESSION, Found, Opened, Unavailable
from wire.messages import Accelerator

REOPEN_S = 60.0  # a GPU that does not answer: handles are made anew that often, since it may be back
MIB = 2**20


class Options(NvidiaOptions, frozen=True):
    """``expected``: how many GPUs this node must have. Not set: as many as were ever seen; a person accepts a smaller
    number by setting it, or by deleting gpus-seen.json in the agent's state directory.

    ``load_every_s``: how often power, clock, utilisation and memory are asked for.

    The deadline is long because a driver without persistence mode sets each GPU up anew when it is first asked.
    """

    every_s: Seconds = 5.0
    deadline_s: Seconds = 10.0
    expected: int | None = None
    load_every_s: Seconds = 15.0


class Gpu(Device, frozen=True):
    """None is what this GPU does not have, or what is not known since there is ``trouble``.

    ``clock_reasons`` is NVML's bit mask of why clocks are not higher. ``slowdown_c``, ``memory_max_c``,
    ``sm_clock_max_mhz`` are the GPU's own limits. ``utilization`` and ``memory_utilization`` are percent of the last
    sampling period. ``ecc_uncorrected`` counts since the driver was loaded or the GPU reset. ``recovery_action`` is
    what the driver wants done: 0 nothing, 1 GPU reset, 2 reboot, 3 drain peers, 4 drain and reset. ``power_w``,
    ``sm_clock_mhz``, utilisation and memory are up to ``load_every_s`` old.
    """

    temperature_c: int | None = None
    memory_temperature_c: int | None = None
    slowdown_c: int | None = None
    memory_max_c: int | None = None
    power_w: float | None = None
    power_limit_w: float | None = None
    energy_j: float | None = None
    sm_clock_mhz: int | None = None
    sm_clock_max_mhz: int | None = None
    clock_reasons: int | None = None
    utilization: int | None = None
    memory_utilization: int | None = None
    memory_bytes: int | None = None
    memory_used_bytes: int | None = None
    memory_reserved_bytes: int | None = None
    ecc_uncorrected: int | None = None
    recovery_action: int | None = None


class Reading(msgspec.Struct, frozen=True):
    """``trouble`` and ``error`` are NVML's as a whole. ``gpus`` has those that are missing too."""

    driver_version: str
    trouble: Trouble
    error: str
    gpus: list[Gpu]


class Watch:
    """Looks again and again, and remembers which GPUs there were."""

    def __init__(self, options: Options, host: Host) -> None:
        self._options, self._file = options, inventory.path(host.state_dir)

    def tell(self, news: bytes) -> None:
        raise NotImplementedError

    def read(self) -> Reading | None:
        buses, known = pci.gpus(self._options.pci_devices), inventory.load(self._file)
        if not (buses or known or self._options.expected):
            return None
        try:
            version, gpus = self._look(buses)
        except Unavailable as why:
            unread = inventory.unread(known, buses, why.trouble, str(why))
            return Reading("", why.trouble, str(why), self._with_missing(known, [_silent(each) for each in unread]))
        gpus = [_named(known, each) for each in gpus] + _uncounted(known, gpus, buses)
        self._keep(known, gpus)
        return Reading(version, Trouble.NONE, "", self._with_missing(known, gpus))

    def _look(self, buses: list[str]) -> tuple[str, list[Gpu]]:
        with SESSION.use(self._options.release_file, buses) as opened:
            gpus = [look(opened, found, self._options.load_every_s) for found in opened.found]
        if any(gpu.trouble for gpu in gpus) and time.monotonic() > opened.at + REOPEN_S:
            SESSION.close()
        return opened.driver_version, gpus

    def _keep(self, known: inventory.Inventory, gpus: list[Gpu]) -> None:
        fresh = inventory.after(known, gpus)
        if fresh != known:
            inventory.save(self._file, fresh)

    def _with_missing(self, known: inventory.Inventory, gpus: list[Gpu]) -> list[Gpu]:
        return gpus + [_silent(each) for each in inventory.missing(known, gpus, self._options.expected)]


attach = Watch


def look(opened: Opened, found: Found, load_every_s: float) -> Gpu:
    """One GPU; one that errors hides no other."""
    if found.handle is None:
        return _silent(found.device)
    try:
        known, limits, load = known_by(found.device), _limits(opened, found), _load(opened, found, load_every_s)
        return Gpu(**known, **limits, **load, **_vital(opened.nvml, found.handle))
    except opened.nvml.NVMLError as error:
        return _silent(msgspec.structs.replace(found.device, trouble=trouble_of(error), error=str(error)))


def _limits(opened: Opened, found: Found) -> Any:
    """What a GPU is asked only once."""
    nvml, key = opened.nvml, ("limits", found.device.index)
    if key not in opened.kept:
        threshold = nvml.nvmlDeviceGetTemperatureThreshold
        opened.kept[key] = {
            "slowdown_c": ask(threshold, found.handle, nvml.NVML_TEMPERATURE_THRESHOLD_SLOWDOWN),
            "memory_max_c": ask(threshold, found.handle, nvml.NVML_TEMPERATURE_THRESHOLD_MEM_MAX),
            "sm_clock_max_mhz": ask(nvml.nvmlDeviceGetMaxClockInfo, found.handle, nvml.NVML_CLOCK_SM),
        }
    return opened.kept[key]


def _load(opened: Opened, found: Found, every_s: float) -> Any:
    """What it was, while that is fresh enough."""
    key, now = ("load", found.device.index), time.monotonic()
    kept = opened.kept.get(key)
    if kept is None or now - kept[0] >= every_s:
        kept = opened.kept[key] = now, _asked_load(opened.nvml, found.handle)
    return kept[1]


def _vital(nvml: Any, handle: Any) -> Any:
    memory_c, limit, energy, uncorrected, recovery = fields(nvml, handle, _field_ids(nvml))
    return {
        "temperature_c": ask(nvml.nvmlDeviceGetTemperature, handle, nvml.NVML_TEMPERATURE_GPU),
        "memory_temperature_c": memory_c or None,  # 0: the sensor is not there
        "power_limit_w": _thousandth(limit),
        "energy_j": _thousandth(energy),
        "clock_reasons": ask(nvml.nvmlDeviceGetCurrentClocksThrottleReasons, handle),
        "ecc_uncorrected": uncorrected,
        "recovery_action": recovery,
    }


def _asked_load(nvml: Any, handle: Any) -> Any:
    rates = ask(nvml.nvmlDeviceGetUtilizationRates, handle)
    memory = ask(nvml.nvmlDeviceGetMemoryInfo, handle, nvml.nvmlMemory_v2)
    return {
        "power_w": _thousandth(ask(nvml.nvmlDeviceGetPowerUsage, handle)),
        "sm_clock_mhz": ask(nvml.nvmlDeviceGetClockInfo, handle, nvml.NVML_CLOCK_SM),
        "utilization": None if rates is None else rates.gpu,
        "memory_utilization": None if rates is None else rates.memory,
        "memory_bytes": None if memory is None else memory.total,
        "memory_used_bytes": None if memory is None else memory.used,
        "memory_reserved_bytes": None if memory is None else memory.reserved,
    }


def _field_ids(nvml: Any) -> list[int | tuple[int, int]]:
    return [
        nvml.NVML_FI_DEV_MEMORY_TEMP,
        nvml.NVML_FI_DEV_POWER_CURRENT_LIMIT,
        nvml.NVML_FI_DEV_TOTAL_ENERGY_CONSUMPTION,
        nvml.NVML_FI_DEV_ECC_DBE_VOL_TOTAL,
        nvml.NVML_FI_DEV_GET_GPU_RECOVERY_ACTION,
    ]


def _thousandth(value: int | None) -> float | None:
    return None if value is None else value / 1000


def _silent(device: Device) -> Gpu:
    return Gpu(**known_by(device))


def _named(known: inventory.Inventory, gpu: Gpu) -> Gpu:
    return gpu if gpu.uuid else _silent(inventory.named(known, gpu))


def _uncounted(known: inventory.Inventory, gpus: list[Gpu], buses: list[str]) -> list[Gpu]:
    """On the PCI bus, and not with the driver."""
    claimed = {gpu.pci for gpu in gpus}
    rest = [bus for bus in buses if bus not in claimed]
    error = "on the PCI bus, and the driver does not have it"
    return [_silent(each) for each in inventory.unread(known, rest, Trouble.UNCOUNTED, error)]


def accelerators(reading: Reading) -> list[Accelerator]:
    """The GPUs that work can be placed on: those that answer, or are released for a moment."""
    usable = (Trouble.NONE, Trouble.RELEASED)
    placeable = [gpu for gpu in reading.gpus if gpu.uuid and gpu.trouble in usable]
    return [Accelerator(gpu.uuid, gpu.model, gpu.memory_bytes or 0) for gpu in placeable]


METRICS = {
    "temperature_c": ("DCGM_FI_DEV_GPU_TEMP", "GPU temperature (in C).", 1),
    "memory_temperature_c": ("DCGM_FI_DEV_MEMORY_TEMP", "Memory temperature (in C).", 1),
    "power_w": ("DCGM_FI_DEV_POWER_USAGE", "Power draw (in W).", 1),
    "power_limit_w": ("DCGM_FI_DEV_ENFORCED_POWER_LIMIT", "Power limit in force (in W).", 1),
    "energy_j": ("DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION", "Energy since the driver was loaded (in mJ).", 1000),
    "sm_clock_mhz": ("DCGM_FI_DEV_SM_CLOCK", "SM clock frequency (in MHz).", 1),
    "clock_reasons": ("DCGM_FI_DEV_CLOCKS_EVENT_REASONS", "Why clocks are not higher (bits).", 1),
    "utilization": ("DCGM_FI_DEV_GPU_UTIL", "GPU utilization (in %).", 1),
    "memory_utilization": ("DCGM_FI_DEV_MEM_COPY_UTIL", "Memory utilization (in %).", 1),
    "memory_bytes": ("DCGM_FI_DEV_FB_TOTAL", "Framebuffer memory (in MiB).", 1 / MIB),
    "memory_used_bytes": ("DCGM_FI_DEV_FB_USED", "Framebuffer memory used (in MiB).", 1 / MIB),
    "memory_reserved_bytes": ("DCGM_FI_DEV_FB_RESERVED", "Framebuffer memory that the driver holds (in MiB).", 1 / MIB),
    "ecc_uncorrected": ("DCGM_FI_DEV_ECC_DBE_VOL_TOTAL", "Uncorrectable errors, volatile.", 1),
}


def metrics(reading: Reading) -> Iterable[Family]:
    """dcgm-exporter's names and units. Its counters are gauges here: as counters they would end in _total."""
    return families(reading.gpus, METRICS)

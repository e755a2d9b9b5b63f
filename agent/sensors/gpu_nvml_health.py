"""NVIDIA's GPUs: what changes slowly. Memory errors and repairs, links, modes, and who holds memory. NVML."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec

from agent.sensors import Family, Host, Seconds
from agent.sensors.nvidia import NvidiaOptions, inventory, pci
from agent.sensors.nvidia.calls import ask, fields, trouble_of
from agent.sensors.nvidia.device import Device, known_by
from agent.sensors.nvidia.labels import families
from agent.sensors.nvidia.session import SESSION, Found, Opened, Unavailable

FIELDS = {  # of Gpu below, by NVML's name
    "ecc_mode": "ECC_CURRENT",
    "ecc_corrected": "ECC_SBE_VOL_TOTAL",
    "ecc_uncorrected": "ECC_DBE_VOL_TOTAL",
    "ecc_corrected_ever": "ECC_SBE_AGG_TOTAL",
    "ecc_uncorrected_ever": "ECC_DBE_AGG_TOTAL",
    "retired_corrected": "RETIRED_SBE",
    "retired_uncorrected": "RETIRED_DBE",
    "retired_pending": "RETIRED_PENDING",
    "remapped_corrected": "REMAPPED_COR",
    "remapped_uncorrected": "REMAPPED_UNC",
    "remap_pending": "REMAPPED_PENDING",
    "remap_failure": "REMAPPED_FAILURE",
    "nvlink_flit_errors": "NVLINK_CRC_FLIT_ERROR_COUNT_TOTAL",
    "nvlink_data_errors": "NVLINK_CRC_DATA_ERROR_COUNT_TOTAL",
    "nvlink_replays": "NVLINK_REPLAY_ERROR_COUNT_TOTAL",
    "nvlink_recoveries": "NVLINK_RECOVERY_ERROR_COUNT_TOTAL",
    "nvlinks": "NVLINK_LINK_COUNT",
    "pcie_replays": "PCIE_REPLAY_COUNTER",
    "power_limit_mw": "POWER_CURRENT_LIMIT",
}


class Options(NvidiaOptions, frozen=True):
    every_s: Seconds = 60.0
    deadline_s: Seconds = 10.0


class Gpu(Device, frozen=True):
    """None is what this GPU does not have, or what is not known since there is ``trouble``.

    Counters without ``ever`` begin anew when the driver is loaded or the GPU reset. ``nvlinks`` is how many it has,
    ``nvlinks_active`` how many are up. ``pcie_generation`` and ``pcie_width`` are now, the others the most that GPU and
    slot can do together. ``fabric_state``: 1 not started, 2 in progress, 3 completed; ``fabric_status`` is how that
    ended (0 well), ``fabric_health`` NVML's bit mask. ``memory_used_bytes`` is without what the driver holds;
    ``processes`` counts those that NVML names (where none computes, those that render), ``processes_alive`` those of
    them that still run.
    """

    ecc_mode: int | None = None
    ecc_corrected: int | None = None
    ecc_uncorrected: int | None = None
    ecc_corrected_ever: int | None = None
    ecc_uncorrected_ever: int | None = None
    retired_corrected: int | None = None
    retired_uncorrected: int | None = None
    retired_pending: int | None = None
    remapped_corrected: int | None = None
    remapped_uncorrected: int | None = None
    remap_pending: int | None = None
    remap_failure: int | None = None
    nvlink_flit_errors: int | None = None
    nvlink_data_errors: int | None = None
    nvlink_replays: int | None = None
    nvlink_recoveries: int | None = None
    nvlinks: int | None = None
    nvlinks_active: int | None = None
    pcie_replays: int | None = None
    pcie_generation: int | None = None
    pcie_generation_max: int | None = None
    pcie_width: int | None = None
    pcie_width_max: int | None = None
    power_limit_mw: int | None = None
    utilization: int | None = None
    persistence: int | None = None
    mig: int | None = None
    mig_pending: int | None = None
    fabric_state: int | None = None
    fabric_status: int | None = None
    fabric_health: int | None = None
    memory_used_bytes: int | None = None
    processes: int | None = None
    processes_alive: int | None = None


class Reading(msgspec.Struct, frozen=True):
    """The GPUs that NVML counts; while it counts none, those on the PCI bus, with ``trouble``."""

    gpus: list[Gpu]


class Watch:
    def __init__(self, options: Options, host: Host) -> None:
        self._options, self._file = options, inventory.path(host.state_dir)

    def tell(self, news: bytes) -> None:
        raise NotImplementedError

    def read(self) -> Reading | None:
        buses = pci.gpus(self._options.pci_devices)
        if not buses:
            return None
        known = inventory.load(self._file)
        try:
            with SESSION.use(self._options.release_file, buses) as opened:
                return Reading([_named(known, look(opened, found)) for found in opened.found])
        except Unavailable as why:
            return Reading([_silent(each) for each in inventory.unread(known, buses, why.trouble, str(why))])


attach = Watch


def look(opened: Opened, found: Found) -> Gpu:
    """One GPU; one that errors hides no other."""
    if found.handle is None:
        return _silent(found.device)
    nvml, handle = opened.nvml, found.handle
    try:
        counters = _counters(nvml, handle)
        facts = {**_limits(opened, found), **counters, **_links(nvml, handle, counters), **_modes(nvml, handle)}
        return Gpu(**known_by(found.device), **facts, **_fabric(nvml, handle), **_holders(nvml, handle))
    except nvml.NVMLError as error:
        return _silent(msgspec.structs.replace(found.device, trouble=trouble_of(error), error=str(error)))


def _limits(opened: Opened, found: Found) -> dict[str, Any]:
    """What a GPU is asked only once."""
    nvml, key = opened.nvml, ("links", found.device.index)
    if key not in opened.kept:
        opened.kept[key] = {
            "pcie_generation_max": ask(nvml.nvmlDeviceGetMaxPcieLinkGeneration, found.handle),
            "pcie_width_max": ask(nvml.nvmlDeviceGetMaxPcieLinkWidth, found.handle),
        }
    kept: dict[str, Any] = opened.kept[key]
    return kept


def _counters(nvml: Any, handle: Any) -> dict[str, Any]:
    ids = [getattr(nvml, f"NVML_FI_DEV_{name}") for name in FIELDS.values()]
    return dict(zip(FIELDS, fields(nvml, handle, ids), strict=True))


def _links(nvml: Any, handle: Any, counters: dict[str, Any]) -> dict[str, Any]:
    """How many NVLinks are up: all in one call, or one by one with a driver that does not know that."""
    count = min(counters["nvlinks"] or 0, nvml.NVML_NVLINK_MAX_LINKS)
    if not count:
        return {}
    states = fields(nvml, handle, [(nvml.NVML_FI_DEV_NVLINK_GET_STATE, link) for link in range(count)])
    if None in states:
        states = [ask(nvml.nvmlDeviceGetNvLinkState, handle, link) for link in range(count)]
    return {} if None in states else {"nvlinks_active": sum(state != 0 for state in states)}


def _modes(nvml: Any, handle: Any) -> dict[str, Any]:
    rates = ask(nvml.nvmlDeviceGetUtilizationRates, handle)
    mig = ask(nvml.nvmlDeviceGetMigMode, handle) or (None, None)
    return {
        "utilization": None if rates is None else rates.gpu,
        "pcie_generation": ask(nvml.nvmlDeviceGetCurrPcieLinkGeneration, handle),
        "pcie_width": ask(nvml.nvmlDeviceGetCurrPcieLinkWidth, handle),
        "persistence": ask(nvml.nvmlDeviceGetPersistenceMode, handle),
        "mig": mig[0],
        "mig_pending": mig[1],
    }


def _fabric(nvml: Any, handle: Any) -> dict[str, Any]:
    info = nvml.c_nvmlGpuFabricInfo_v2_t()
    if ask(nvml.nvmlDeviceGetGpuFabricInfoV, handle, nvml.byref(info)) is None:
        return {}
    if info.state == nvml.NVML_GPU_FABRIC_STATE_NOT_SUPPORTED:
        return {}
    return {"fabric_state": info.state, "fabric_status": info.status, "fabric_health": info.healthMask}


def _holders(nvml: Any, handle: Any) -> dict[str, Any]:
    memory = ask(nvml.nvmlDeviceGetMemoryInfo, handle, nvml.nvmlMemory_v2)
    processes = ask(nvml.nvmlDeviceGetComputeRunningProcesses, handle)
    if processes is not None and not processes:  # who renders has memory, too
        processes = ask(nvml.nvmlDeviceGetGraphicsRunningProcesses, handle) or []
    return {
        "memory_used_bytes": None if memory is None else memory.used,
        "processes": None if processes is None else len(processes),
        "processes_alive": None if processes is None else sum(_runs(process.pid) for process in processes),
    }


def _runs(pid: int) -> bool:
    """Not gone, and no zombie."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:  # gone, or hidden from all but its own user (hidepid)
        return _there(pid)
    return stat.rpartition(") ")[2][:1] not in ("Z", "X")


def _there(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True


def _silent(device: Device) -> Gpu:
    return Gpu(**known_by(device))


def _named(known: inventory.Inventory, gpu: Gpu) -> Gpu:
    return gpu if gpu.uuid else _silent(inventory.named(known, gpu))


METRICS = {
    "ecc_corrected": ("DCGM_FI_DEV_ECC_SBE_VOL_TOTAL", "Corrected errors, volatile.", 1),
    "ecc_corrected_ever": ("DCGM_FI_DEV_ECC_SBE_AGG_TOTAL", "Corrected errors, aggregate.", 1),
    "ecc_uncorrected_ever": ("DCGM_FI_DEV_ECC_DBE_AGG_TOTAL", "Uncorrectable errors, aggregate.", 1),
    "retired_corrected": ("DCGM_FI_DEV_RETIRED_SBE", "Pages retired for corrected errors.", 1),
    "retired_uncorrected": ("DCGM_FI_DEV_RETIRED_DBE", "Pages retired for uncorrectable errors.", 1),
    "retired_pending": ("DCGM_FI_DEV_RETIRED_PENDING", "Whether pages wait for retirement.", 1),
    "remapped_corrected": ("DCGM_FI_DEV_CORRECTABLE_REMAPPED_ROWS", "Rows remapped for corrected errors.", 1),
    "remapped_uncorrected": ("DCGM_FI_DEV_UNCORRECTABLE_REMAPPED_ROWS", "Rows remapped for uncorrectable errors.", 1),
    "remap_pending": ("DCGM_FI_DEV_ROW_REMAP_PENDING", "Whether rows wait for remapping.", 1),
    "remap_failure": ("DCGM_FI_DEV_ROW_REMAP_FAILURE", "Whether remapping of rows has failed.", 1),
    "nvlink_flit_errors": ("DCGM_FI_DEV_NVLINK_CRC_FLIT_ERROR_COUNT_TOTAL", "NVLink flow-control CRC errors.", 1),
    "nvlink_data_errors": ("DCGM_FI_DEV_NVLINK_CRC_DATA_ERROR_COUNT_TOTAL", "NVLink data CRC errors.", 1),
    "nvlink_replays": ("DCGM_FI_DEV_NVLINK_REPLAY_ERROR_COUNT_TOTAL", "NVLink retries.", 1),
    "nvlink_recoveries": ("DCGM_FI_DEV_NVLINK_RECOVERY_ERROR_COUNT_TOTAL", "NVLink recoveries.", 1),
    "pcie_replays": ("mainstay_gpu_pcie_replays", "PCIe retries.", 1),
    "pcie_generation": ("DCGM_FI_DEV_PCIE_LINK_GEN", "PCIe generation now.", 1),
    "pcie_generation_max": ("DCGM_FI_DEV_PCIE_MAX_LINK_GEN", "PCIe generation that GPU and slot can do.", 1),
    "pcie_width": ("DCGM_FI_DEV_PCIE_LINK_WIDTH", "PCIe lanes now.", 1),
    "pcie_width_max": ("DCGM_FI_DEV_PCIE_MAX_LINK_WIDTH", "PCIe lanes that GPU and slot can do.", 1),
    "persistence": ("DCGM_FI_DEV_PERSISTENCE_MODE", "Whether the driver stays loaded without clients.", 1),
    "mig": ("DCGM_FI_DEV_MIG_MODE", "Whether MIG is on.", 1),
    "fabric_state": ("DCGM_FI_DEV_FABRIC_MANAGER_STATUS", "State of joining the NVLink fabric (3: done).", 1),
    "nvlinks_active": ("mainstay_gpu_nvlinks_active", "NVLinks that are up.", 1),
    "processes_alive": ("mainstay_gpu_processes", "Processes that compute on the GPU.", 1),
}


def metrics(reading: Reading) -> Iterable[Family]:
    """dcgm-exporter's names. Its counters are gauges here: as counters they would end in _total. One it calls
    DCGM_FI_DEV_PCIE_REPLAY_COUNTER, which Prometheus's linter refuses."""
    return families(reading.gpus, METRICS)

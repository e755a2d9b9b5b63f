"""AMD's GPUs: what changes slowly. Memory errors and bad pages, links, and who holds memory. amdsmi."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec

from agent.sensors import Family, Host, Seconds, gpu_nvml_health
from agent.sensors.amd import AmdOptions, bus
from agent.sensors.amd.library import LIBRARY, Found, ask, number, text_of, trouble_of
from agent.sensors.gpu_amd import FILE, MIB
from agent.sensors.nvidia import inventory
from agent.sensors.nvidia.device import Device, known_by
from agent.sensors.nvidia.labels import families
from agent.sensors.nvidia.session import Unavailable

PENDING, UNRESERVABLE = 1, 2  # amdsmi_memory_page_status_t; 0 is retired
UP, DOWN = "U", "D"


class Options(AmdOptions, frozen=True):
    every_s: Seconds = 60.0
    deadline_s: Seconds = 10.0


class Gpu(gpu_nvml_health.Gpu, frozen=True):
    """``bad_pages`` were retired, ``retired_pending`` will be at the next reset, ``bad_pages_unreservable`` could not
    be. ``bad_pages_most``: from there on AMD wants the GPU exchanged. ``xgmi_links`` are those that are not switched
    off, ``xgmi_errors`` is 0 for none, 1 for one and 2 for several since it was last asked."""

    bad_pages: int | None = None
    bad_pages_unreservable: int | None = None
    bad_pages_most: int | None = None
    xgmi_links: int | None = None
    xgmi_links_up: int | None = None
    xgmi_errors: int | None = None


class Reading(msgspec.Struct, frozen=True):
    """The GPUs that amdsmi counts; while it counts none, those on the PCI bus, with ``trouble``."""

    gpus: list[Gpu]


class Watch:
    def __init__(self, options: Options, host: Host) -> None:
        self._options = options
        self._file = Path(host.state_dir) / FILE if host.state_dir else None

    def tell(self, news: bytes) -> None:
        raise NotImplementedError

    def read(self) -> Reading | None:
        buses = bus.gpus(self._options.pci_devices, self._options.displays)
        if not buses:
            return None
        try:
            with LIBRARY.use(self._options.release_file) as opened:
                return Reading([look(opened.smi, found, self._options.pci_devices) for found in opened.found])
        except Unavailable as why:
            known = inventory.load(self._file)
            return Reading([_silent(each) for each in inventory.unread(known, buses, why.trouble, str(why))])


attach = Watch


def look(smi: Any, found: Found, pci_devices: str) -> Gpu:
    """One GPU; one that errors hides no other."""
    if found.handle is None:
        return _silent(found.device)
    try:
        facts = {**_errors(smi, found.handle), **_pages(smi, found.handle), **_links(smi, found.handle)}
        facts |= {**_pcie(smi, found, pci_devices), **_holders(smi, found.handle)}
        return Gpu(**known_by(found.device), **facts)
    except smi.AmdSmiException as error:
        return _silent(msgspec.structs.replace(found.device, trouble=trouble_of(error), error=text_of(error)))


def _errors(smi: Any, handle: Any) -> dict[str, Any]:
    counts = ask(smi, smi.amdsmi_get_gpu_total_ecc_count, handle)
    return {
        "ecc_corrected": number(counts, "correctable_count"),
        "ecc_uncorrected": number(counts, "uncorrectable_count"),
    }


def _pages(smi: Any, handle: Any) -> dict[str, Any]:
    pages = ask(smi, smi.amdsmi_get_gpu_bad_page_info, handle)
    if pages is None or isinstance(pages, str):
        return {}
    states = [page["status"] for page in pages]
    return {
        "bad_pages": len(states) - states.count(PENDING) - states.count(UNRESERVABLE),
        "bad_pages_unreservable": states.count(UNRESERVABLE),
        "bad_pages_most": ask(smi, smi.amdsmi_get_gpu_bad_page_threshold, handle),
        "retired_pending": states.count(PENDING),
    }


def _links(smi: Any, handle: Any) -> dict[str, Any]:
    told = ask(smi, smi.amdsmi_get_gpu_xgmi_link_status, handle)
    links = [state for state in (told or {}).get("status", []) if state in (UP, DOWN)]
    if not links:
        return {}
    errors = ask(smi, smi.amdsmi_gpu_xgmi_error_status, handle)
    return {"xgmi_links": len(links), "xgmi_links_up": links.count(UP), "xgmi_errors": errors}


def _pcie(smi: Any, found: Found, pci_devices: str) -> dict[str, Any]:
    told = ask(smi, smi.amdsmi_get_pcie_info, found.handle) or {}
    most, now = told.get("pcie_static"), told.get("pcie_metric")
    slot_generation, slot_width = bus.slot_limits(pci_devices, found.device.pci)
    return {
        "pcie_generation": bus.generation(number(now, "pcie_speed") or 0),
        "pcie_generation_max": _less(bus.generation(number(most, "max_pcie_speed") or 0), slot_generation),
        "pcie_width": number(now, "pcie_width"),
        "pcie_width_max": _less(number(most, "max_pcie_width"), slot_width),
        "pcie_replays": number(now, "pcie_replay_count"),
        "utilization": number(ask(smi, smi.amdsmi_get_gpu_activity, found.handle), "gfx_activity"),
    }


def _less(one: int | None, other: int | None) -> int | None:
    return min((each for each in (one, other) if each), default=None)


def _holders(smi: Any, handle: Any) -> dict[str, Any]:
    used = number(ask(smi, smi.amdsmi_get_gpu_vram_usage, handle), "vram_used")
    processes = ask(smi, smi.amdsmi_get_gpu_process_list, handle)
    return {
        "memory_used_bytes": None if used is None else used * MIB,
        "processes": None if processes is None else len(processes),
        "processes_alive": None if processes is None else sum(gpu_nvml_health._runs(each["pid"]) for each in processes),
    }


def _silent(device: Device) -> Gpu:
    return Gpu(**known_by(device))


METRICS = {
    "ecc_corrected": ("gpu_ecc_correctable", "Corrected errors since the driver was loaded.", 1),
    "bad_pages": ("mainstay_amd_bad_pages", "Memory pages retired.", 1),
    "retired_pending": ("mainstay_amd_bad_pages_pending", "Memory pages that wait for retirement.", 1),
    "xgmi_links_up": ("mainstay_amd_xgmi_links_up", "XGMI links that are up.", 1),
    "pcie_replays": ("mainstay_amd_pcie_replays", "PCIe retries.", 1),
    "pcie_generation": ("mainstay_amd_pcie_generation", "PCIe generation now.", 1),
    "pcie_width": ("mainstay_amd_pcie_width", "PCIe lanes now.", 1),
    "processes_alive": ("mainstay_amd_processes", "Processes that compute on the GPU.", 1),
}


def metrics(reading: Reading) -> Iterable[Family]:
    """Names of AMD's device-metrics-exporter where Prometheus's linter takes them."""
    return families(reading.gpus, METRICS)

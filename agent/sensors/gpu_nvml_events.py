"""Xids as NVML tells them, the moment they happen: to those who may not read the kernel log too.

NVML keeps none for later: what happens while nobody waits is in the kernel log only.
"""

import time
from collections.abc import Iterator
from typing import Any

from agent.faults import Sighting
from agent.sensors import Batch, Host
from agent.sensors.nvidia import NvidiaOptions, calls, pci
from agent.sensors.nvidia.device import Trouble
from agent.sensors.nvidia.session import SESSION, Opened, Unavailable

WAIT_MS = 1000  # as long as a release of the GPUs may have to wait
PAUSE_S = 1.0
TIMEOUT = 10  # NVML_ERROR_TIMEOUT
SOURCE = "gpu_nvml_events"


class Options(NvidiaOptions, frozen=True):
    """``every_s`` and ``deadline_s`` mean nothing here: it is told."""


def follow(options: Options, _host: Host, _position: str) -> Iterator[Batch]:
    """Ends where there is no NVIDIA GPU, or NVML does not open: to be tried again later."""
    while buses := pci.gpus(options.pci_devices):
        began = time.monotonic()
        try:
            with SESSION.use(options.release_file, buses) as opened:
                events = _listen(opened)
            yield from _told(options, buses, opened.generation, events)
        except Unavailable as why:
            if why.trouble is not Trouble.RELEASED:
                return
        if time.monotonic() < began + PAUSE_S:
            time.sleep(PAUSE_S)


def _listen(opened: Opened) -> Any:
    """An event set with every GPU that takes part; one that is lost does not."""
    nvml = opened.nvml
    events = nvml.nvmlEventSetCreate()
    opened.event_sets.append(events)
    for found in opened.found:
        if found.handle is not None:
            calls.attempt(nvml.nvmlDeviceRegisterEvents, found.handle, nvml.nvmlEventTypeXidCriticalError, events)
    return events


def _told(options: Options, buses: list[str], generation: int, events: Any) -> Iterator[Batch]:
    """Until the session is another one, or the set says no more since one of its GPUs is lost."""
    while True:
        with SESSION.use(options.release_file, buses) as opened:
            if opened.generation != generation:
                return
            try:
                sighting = _next(opened, events)
            except opened.nvml.NVMLError:
                opened.event_sets.remove(events)
                calls.attempt(opened.nvml.nvmlEventSetFree, events)
                return
        if sighting is not None:
            yield Batch("", [sighting])


def _next(opened: Opened, events: Any) -> Sighting | None:
    nvml = opened.nvml
    try:
        event = nvml.nvmlEventSetWait(events, WAIT_MS)
    except nvml.NVMLError as error:
        if error.value == TIMEOUT:
            return None
        raise
    at = time.clock_gettime(time.CLOCK_BOOTTIME)
    if event.eventType != nvml.nvmlEventTypeXidCriticalError:
        return None
    code, where = str(event.eventData), _component(opened, event.device)
    return Sighting("xid", code, where, at, f"NVML: Xid {code} on {where or 'a GPU'}", SOURCE)


def _component(opened: Opened, handle: Any) -> str:
    """Handles are pointers: the same GPU has the same one."""
    address = calls.address_of(handle)
    same = (each for each in opened.found if each.handle is not None and calls.address_of(each.handle) == address)
    found = next(same, None)
    return found.device.pci if found else ""

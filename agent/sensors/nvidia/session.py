"""One NVML session for all sensors of this process: opened when first used, closed for all of them at once.

NVML is safe to call from several threads. Closing waits for those who are inside, and gives up on one that hangs.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from agent.sensors.nvidia import calls, pci
from agent.sensors.nvidia.calls import trouble_of
from agent.sensors.nvidia.device import Device, Trouble

CLOSE_WAIT_S = 3.0  # longer than the followers' wait for an event


class Unavailable(Exception):
    """NVML as a whole says nothing."""

    def __init__(self, trouble: Trouble, text: str) -> None:
        super().__init__(text)
        self.trouble = trouble


@dataclass(frozen=True)
class Found:
    """A GPU that NVML counts. ``handle`` is None when NVML gives none: ``device`` says why."""

    handle: Any
    device: Device


@dataclass(frozen=True)
class Opened:
    """``generation`` grows with every opening: handles of an older one are void. ``kept`` is for what a sensor asks a
    GPU only once; ``event_sets`` are freed when it closes."""

    nvml: Any
    generation: int
    at: float  # monotonic
    driver_version: str
    found: tuple[Found, ...]
    kept: dict[Any, Any] = field(default_factory=dict)
    event_sets: list[Any] = field(default_factory=list)


class Session:
    def __init__(self) -> None:
        self._turn = threading.Condition()
        self._inside = 0
        self._generation = 0
        self._opened: Opened | None = None

    @contextmanager
    def use(self, release_file: str, buses: list[str]) -> Iterator[Opened]:
        """NVML, open; raises Unavailable. ``buses`` are the GPUs on the PCI bus."""
        if Path(release_file).exists():
            self.close()
            raise Unavailable(Trouble.RELEASED, f"{release_file} exists")
        with self._turn:
            opened = self._opened = self._opened or self._open(buses)
            self._inside += 1
        try:
            yield opened
        finally:
            with self._turn:
                self._inside -= 1
                self._turn.notify_all()

    def close(self) -> bool:
        """Whether NVML is closed now."""
        with self._turn:
            if self._opened is None:
                return True
            if not self._turn.wait_for(lambda: self._inside == 0, CLOSE_WAIT_S):
                return False
            opened, self._opened = self._opened, None
            if opened is not None:  # else another closed it while this one waited
                _shut(opened)
            return True

    def _open(self, buses: list[str]) -> Opened:
        nvml = _library()
        try:
            nvml.nvmlInit()
        except nvml.NVMLError as error:
            raise Unavailable(trouble_of(error), str(error)) from None
        try:
            self._generation += 1
            version = str(nvml.nvmlSystemGetDriverVersion())
            return Opened(nvml, self._generation, time.monotonic(), version, _find(nvml, buses))
        except nvml.NVMLError as error:
            calls.attempt(nvml.nvmlShutdown)
            raise Unavailable(trouble_of(error), str(error)) from None


def _shut(opened: Opened) -> None:
    for events in opened.event_sets:
        calls.attempt(opened.nvml.nvmlEventSetFree, events)
    calls.attempt(opened.nvml.nvmlShutdown)


def _library() -> Any:
    try:
        import pynvml
    except ImportError:
        hint = "nvidia-ml-py is not installed: pip install 'mainstay[nvidia]'"
        raise Unavailable(Trouble.LIBRARY_MISSING, hint) from None
    return pynvml


def _find(nvml: Any, buses: list[str]) -> tuple[Found, ...]:
    found = [_one(nvml, index) for index in range(nvml.nvmlDeviceGetCount())]
    return tuple(_placed(found, buses))


def _one(nvml: Any, index: int) -> Found:
    try:
        handle = nvml.nvmlDeviceGetHandleByIndex(index)
        place = pci.address(calls.text(nvml.nvmlDeviceGetPciInfo(handle).busId))
        uuid, model = nvml.nvmlDeviceGetUUID(handle), nvml.nvmlDeviceGetName(handle)
        return Found(handle, Device(pci=place, uuid=calls.text(uuid), model=calls.text(model), index=index))
    except nvml.NVMLError as error:
        return Found(None, Device(pci="", index=index, trouble=trouble_of(error), error=str(error)))


def _placed(found: list[Found], buses: list[str]) -> Iterator[Found]:
    """A GPU that gives no handle does not tell its address: NVML counts in the order of the PCI bus, so it is the one
    in its place, or the only one that is left."""
    claimed = {each.device.pci for each in found}
    free = [bus for bus in buses if bus not in claimed]
    nameless = [each for each in found if not each.device.pci]
    for each in found:
        if each.device.pci:
            yield each
        elif len(free) == len(nameless):
            place = free[nameless.index(each)]
            yield Found(None, msgspec.structs.replace(each.device, pci=place))
        else:
            yield Found(None, msgspec.structs.replace(each.device, pci=f"index-{each.device.index}"))


SESSION = Session()

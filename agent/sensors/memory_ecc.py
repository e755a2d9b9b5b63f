"""Memory errors that the hardware corrected, or could not (EDAC)."""

import re
import time
from collections import deque
from collections.abc import Iterable

import msgspec

from agent.sensors import Cadence, Family, Host, Kind, Seconds
from agent.sensors.pseudofiles import SYS, names, number, word

CONTROLLER = re.compile(r"mc\d+$")
MODULE = re.compile(r"(dimm|rank)\d+$")
DAY_S = 86_400.0
REMEMBERED = 64


class Options(Cadence, frozen=True):
    every_s: Seconds = 60.0


class Module(msgspec.Struct, frozen=True):
    """A memory module, or a controller where the driver knows no modules. Counts are since boot; ``corrected_day``:
    what came within the last 24 hours, as far as this sensor runs."""

    name: str
    corrected: int
    uncorrected: int
    corrected_day: int = 0


class Reading(msgspec.Struct, frozen=True):
    modules: list[Module]


class Counters:
    """Remembers when a count grew: the newest REMEMBERED times of each module."""

    def __init__(self, sys: str = SYS) -> None:
        self._sys = sys
        self._grown: dict[str, deque[tuple[float, int]]] = {}

    def read(self, now: float | None = None) -> Reading | None:
        """``now``: seconds of CLOCK_BOOTTIME."""
        at = time.clock_gettime(time.CLOCK_BOOTTIME) if now is None else now
        found = _modules(f"{self._sys}/devices/system/edac/mc")
        if not found:
            return None
        return Reading([msgspec.structs.replace(module, corrected_day=self._day(module, at)) for module in found])

    def _day(self, module: Module, at: float) -> int:
        """Growth within a day. What was there at the first look came since boot, which may be longer ago: left out."""
        times = self._grown.setdefault(module.name, deque([(at, module.corrected)], REMEMBERED))
        if module.corrected < times[-1][1]:  # the driver was loaded anew
            times.clear()
        if not times or module.corrected != times[-1][1]:
            times.append((at, module.corrected))
        while len(times) > 1 and times[1][0] <= at - DAY_S:
            times.popleft()
        return module.corrected - times[0][1]

    def tell(self, news: bytes) -> None:
        raise NotImplementedError


def attach(_options: Options, _host: Host) -> Counters:
    return Counters()


def _modules(base: str) -> list[Module]:
    return [
        module for name in names(base) if CONTROLLER.match(name) for module in _of_controller(f"{base}/{name}", name)
    ]


def _of_controller(path: str, name: str) -> list[Module]:
    """Labels are the board's, where somebody registered them, and need not be unique."""
    modules = [_module(path, name, entry) for entry in names(path) if MODULE.match(entry)]
    known = [module for module in modules if module is not None]
    rest = Module(
        name,
        max(0, (number(f"{path}/ce_count") or 0) - sum(module.corrected for module in known)),
        max(0, (number(f"{path}/ue_count") or 0) - sum(module.uncorrected for module in known)),
    )
    return [*known, rest] if not known or rest.corrected or rest.uncorrected else known


def _module(path: str, controller: str, entry: str) -> Module | None:
    corrected = number(f"{path}/{entry}/dimm_ce_count")
    if corrected is None:
        return None
    label = word(f"{path}/{entry}/dimm_label") or ""
    name = f"{controller}/{entry} {label}".strip()
    return Module(name, corrected, number(f"{path}/{entry}/dimm_ue_count") or 0)


def metrics(reading: Reading) -> Iterable[Family]:
    corrected = [({"module": module.name}, float(module.corrected)) for module in reading.modules]
    yield Family("node_edac_correctable_errors", "Memory errors that were corrected.", corrected, Kind.COUNTER)
    uncorrected = [({"module": module.name}, float(module.uncorrected)) for module in reading.modules]
    yield Family("node_edac_uncorrectable_errors", "Memory errors that were not.", uncorrected, Kind.COUNTER)

"""Load of the machine's processors, and where their time goes."""

import os
from collections.abc import Iterable

import msgspec

from agent.sensors import Cadence, Family, Kind, Seconds
from agent.sensors.pseudofiles import PROC, text

TICKS = os.sysconf("SC_CLK_TCK")
MODES = ("user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal")


class Options(Cadence, frozen=True):
    every_s: Seconds = 15.0


class Reading(msgspec.Struct, frozen=True):
    """``load_*`` are the kernel's load averages: runnable and uninterruptible tasks, over 1, 5 and 15 minutes.
    ``seconds``: since boot, all processors together, by mode as /proc/stat names them."""

    cores: int  # in use, whichever of them this process may run on
    load_1m: float
    load_5m: float
    load_15m: float
    seconds: dict[str, float] = {}


def read(_options: Options, proc: str = PROC) -> Reading | None:
    load = text(f"{proc}/loadavg")
    if load is None:
        return None
    one, five, fifteen = (float(field) for field in load.split()[:3])
    return Reading(os.cpu_count() or 1, one, five, fifteen, _seconds(text(f"{proc}/stat") or ""))


def _seconds(stat: str) -> dict[str, float]:
    """Guests' time is in ``user`` and ``nice`` already."""
    fields = stat.partition("\n")[0].split()[1:]
    return {mode: int(ticks) / TICKS for mode, ticks in zip(MODES, fields, strict=False)}


def metrics(reading: Reading) -> Iterable[Family]:
    yield Family("node_load1", "1m load average.", [({}, reading.load_1m)])
    yield Family("node_load5", "5m load average.", [({}, reading.load_5m)])
    yield Family("node_load15", "15m load average.", [({}, reading.load_15m)])
    seconds = [({"mode": mode}, value) for mode, value in reading.seconds.items()]
    yield Family("node_cpu_seconds", "Seconds of all processors together, by mode.", seconds, Kind.COUNTER)

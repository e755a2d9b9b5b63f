"""How much time tasks lose waiting for processors, memory and I/O: the kernel's pressure stall information.

https://docs.kernel.org/accounting/psi.html
"""

from collections.abc import Iterable

import msgspec

from agent.sensors import Cadence, Family, Kind, Seconds
from agent.sensors.pseudofiles import PROC, text

MICRO = 1_000_000


class Options(Cadence, frozen=True):
    every_s: Seconds = 10.0


class Stall(msgspec.Struct, frozen=True):
    """Shares of time (0 to 1) over 10, 60 and 300 seconds, and seconds since boot."""

    avg10: float
    avg60: float
    avg300: float
    total_s: float


class Pressure(msgspec.Struct, frozen=True):
    """``some``: at least one task waited; ``full``: all did. None where this kernel doesn't tell it (``full`` of the
    processors until 5.13)."""

    some: Stall | None = None
    full: Stall | None = None


class Reading(msgspec.Struct, frozen=True):
    cpu: Pressure
    memory: Pressure
    io: Pressure


def read(_options: Options, proc: str = PROC) -> Reading | None:
    """None where the kernel was built without, or started with psi=0."""
    cpu, memory, io = (_pressure(text(f"{proc}/pressure/{name}")) for name in ("cpu", "memory", "io"))
    if not any((cpu.some, memory.some, io.some)):
        return None
    return Reading(cpu, memory, io)


def _pressure(content: str | None) -> Pressure:
    lines = dict(line.split(" ", 1) for line in (content or "").splitlines() if " " in line)
    return Pressure(_stall(lines.get("some")), _stall(lines.get("full")))


def _stall(line: str | None) -> Stall | None:
    if line is None:
        return None
    fields = dict(field.split("=", 1) for field in line.split() if "=" in field)
    try:
        avg10, avg60, avg300 = (float(fields[name]) / 100 for name in ("avg10", "avg60", "avg300"))
        return Stall(avg10, avg60, avg300, int(fields["total"]) / MICRO)
    except (KeyError, ValueError):
        return None


def metrics(reading: Reading) -> Iterable[Family]:
    for name, pressure in (("cpu", reading.cpu), ("memory", reading.memory), ("io", reading.io)):
        for word, stall in (("waiting", pressure.some), ("stalled", pressure.full)):
            if stall is not None and (name, word) != ("cpu", "stalled"):  # always 0 for the whole machine
                help_ = f"Time in which {'some' if word == 'waiting' else 'all'} tasks waited for {name}."
                yield Family(f"node_pressure_{name}_{word}_seconds", help_, [({}, stall.total_s)], Kind.COUNTER)

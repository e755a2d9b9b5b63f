"""CPU time and memory of a process and all below it."""

import os
import time
from collections import defaultdict
from contextlib import suppress
from pathlib import Path

import msgspec

from bench.agent import proc

PROC = Path("/proc")
TICK_S = 1 / os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")
ENTRY = 8  # bytes of an entry of pagemap


class Usage(msgspec.Struct, frozen=True):
    """CPU seconds since each process began. ``ended``: of children that ended. ``threads``: by process and name."""

    at: float
    processes: dict[int, float]
    ended: float
    names: dict[int, str]
    threads: dict[tuple[int, int, str], float]

    @property
    def total(self) -> float:
        return sum(self.processes.values()) + self.ended


class Meter:
    """Of ``root`` and its descendants. What ended between two looks is in its parent's account of the ended."""

    def __init__(self, root: int) -> None:
        self.root = root

    def pids(self) -> list[int]:
        return proc.descendants(self.root, {pid: stat.parent for pid, stat in _stats().items()})

    def usage(self) -> Usage:
        stats, at = _stats(), time.monotonic()
        pids = proc.descendants(self.root, {pid: stat.parent for pid, stat in stats.items()})
        own, ended = dict[int, float](), 0
        threads: dict[tuple[int, int, str], float] = {}
        for pid in pids:
            with suppress(OSError):
                own[pid] = time.clock_gettime(proc.clock_of(pid))
                ended += stats[pid].ended_children_ticks
                threads |= _threads(pid)
        return Usage(at, own, ended * TICK_S, {pid: _name(pid, stats[pid].name) for pid in own}, threads)

    def pss_mib(self) -> dict[str, float]:
        """By name of process."""
        found: defaultdict[str, float] = defaultdict(float)
        for pid in self.pids():
            with suppress(OSError):
                pss_kib = proc.pss_kib((PROC / str(pid) / "smaps_rollup").read_text())
                found[_name(pid, str(pid))] += pss_kib / 1024
        return dict(found)

    def alone_mib(self) -> float | None:
        """Every resident page once, whoever else has it too: what PSS would be with nobody else on the machine. None
        for who may not see page frames."""
        found: set[int] = set()
        for pid in self.pids():
            with suppress(OSError):
                found |= _frames(pid)
        return len(found) * PAGE / 2**20 if found else None


class Cost(msgspec.Struct, frozen=True):
    """Between two looks, in millicores: of all, by name of process, and by process and thread."""

    total: float
    processes: dict[str, float]
    threads: dict[tuple[str, str], float]


def between(begin: Usage, end: Usage) -> Cost:
    seconds = end.at - begin.at
    processes: defaultdict[str, float] = defaultdict(float)
    for pid, used in end.processes.items():
        processes[end.names[pid]] += used - begin.processes.get(pid, 0.0)
    gone = sum(used for pid, used in begin.processes.items() if pid not in end.processes)
    processes["ended"] += end.ended - begin.ended - gone
    threads: defaultdict[tuple[str, str], float] = defaultdict(float)
    for key, used in end.threads.items():
        pid, tid, name = key
        if pid in end.names:
            threads[end.names[pid], _role(pid, tid, name)] += used - begin.threads.get(key, 0.0)
    return Cost(
        (end.total - begin.total) / seconds * 1000,
        {name: used / seconds * 1000 for name, used in processes.items()},
        {key: used / seconds * 1000 for key, used in threads.items()},
    )


def _role(pid: int, tid: int, name: str) -> str:
    return "main thread" if pid == tid else f"thread {name}"


def _stats() -> dict[int, proc.Stat]:
    found = {}
    for name in os.listdir(PROC):
        if name.isdigit():
            with suppress(OSError, ValueError):
                found[int(name)] = proc.stat((PROC / name / "stat").read_text())
    return found


def _threads(pid: int) -> dict[tuple[int, int, str], float]:
    found = {}
    for tid in os.listdir(PROC / str(pid) / "task"):
        place = PROC / str(pid) / "task" / tid
        with suppress(OSError):
            name = (place / "comm").read_text().strip()
            found[pid, int(tid), name] = proc.ran_ns((place / "schedstat").read_text()) / 1e9
    return found


def _name(pid: int, comm: str) -> str:
    with suppress(OSError):
        argv = (PROC / str(pid) / "cmdline").read_bytes().split(b"\0")
        if b"-m" in argv:
            return argv[argv.index(b"-m") + 1].decode()
    return comm


def _frames(pid: int) -> set[int]:
    found: set[int] = set()
    maps = (PROC / str(pid) / "maps").read_text()
    with (PROC / str(pid) / "pagemap").open("rb", buffering=0) as file:
        for first, last in proc.ranges(maps):
            file.seek(first // PAGE * ENTRY)
            data = file.read((last - first) // PAGE * ENTRY)
            found |= proc.frames(memoryview(data[: len(data) // ENTRY * ENTRY]).cast("Q"))
    return found

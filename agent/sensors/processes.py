"""Processes that are stuck or dead, and how many files are open: of the machine, and of processes by name."""

import os
import time
from collections.abc import Iterable, Iterator

import msgspec

from agent.sensors import Cadence, Family, Host, Seconds
from agent.sensors.pseudofiles import PROC, number, text, whole

MOST = 32
KERNEL = 2  # kthreadd: what it started is the kernel's own, hundreds on a large machine
FORGET = 30  # looks after which kernel threads are looked at again: a pid may have become somebody's


class Options(Cadence, frozen=True):
    """``descriptors_of``: names of processes (15 characters, as ``ps -o comm`` shows them) whose open files are
    counted against their own limit."""

    every_s: Seconds = 60.0
    descriptors_of: tuple[str, ...] = ()


class Blocked(msgspec.Struct, frozen=True):
    """A process in uninterruptible sleep (state D). ``seconds``: since it was first seen so, without having run."""

    pid: int
    name: str
    seconds: float


class Open(msgspec.Struct, frozen=True):
    """Files a process has open; ``most``: its limit. None: it may not be told."""

    pid: int
    name: str
    files: int | None
    most: int | None


class Reading(msgspec.Struct, frozen=True):
    """``files`` and ``files_most``: of the whole machine (fs.file-nr). ``zombie_parents``: who doesn't wait for them,
    by name, the worst MOST. Kernel threads are left out: the kernel log tells of those that hang."""

    processes: int
    threads: int
    threads_most: int
    files: int
    files_most: int
    zombies: int
    zombie_parents: dict[str, int] = {}
    blocked: list[Blocked] = []
    open: list[Open] = []


class _Stat(msgspec.Struct, frozen=True):
    pid: int
    name: str
    state: str
    parent: int
    ticks: int
    started: int


class Processes:
    """Remembers kernel threads, to leave them out, and what was blocked at the last look."""

    def __init__(self, options: Options, proc: str = PROC) -> None:
        self._options, self._proc = options, proc
        self._kernel: set[str] = set()
        self._looks = 0
        self._since: dict[tuple[int, int, int], float] = {}

    def read(self, now: float | None = None) -> Reading | None:
        """``now``: seconds of a monotonic clock."""
        files = (text(f"{self._proc}/sys/fs/file-nr") or "").split()
        if len(files) < 3:
            return None
        found = list(self._everything())
        zombies = [stat for stat in found if stat.state == "Z"]
        return Reading(
            processes=len(found),
            threads=self._threads(),
            threads_most=self._threads_most(),
            files=int(files[0]),
            files_most=int(files[2]),
            zombies=len(zombies),
            zombie_parents=_parents(zombies, found),
            blocked=self._blocked(found, time.monotonic() if now is None else now),
            open=[self._open(stat) for stat in found if stat.name in self._options.descriptors_of][:MOST],
        )

    def _everything(self) -> Iterator[_Stat]:
        self._looks += 1
        if self._looks % FORGET == 1:
            self._kernel.clear()
        for entry in os.listdir(self._proc):
            if not entry.isdecimal() or entry in self._kernel:
                continue
            stat = _stat(text(f"{self._proc}/{entry}/stat"))
            if stat is not None and KERNEL in (stat.pid, stat.parent):
                self._kernel.add(entry)
            elif stat is not None:
                yield stat

    def _threads(self) -> int:
        """``/proc/loadavg``: runnable/all."""
        fields = (text(f"{self._proc}/loadavg") or "").split()
        return (whole(fields[3].rpartition("/")[2]) or 0) if len(fields) > 3 else 0

    def _threads_most(self) -> int:
        limits = (number(f"{self._proc}/sys/kernel/{name}") for name in ("pid_max", "threads-max"))
        return min((limit for limit in limits if limit), default=0)

    def _blocked(self, found: list[_Stat], now: float) -> list[Blocked]:
        """One that used processor time in between has run, and is another case."""
        stuck = {(stat.pid, stat.started, stat.ticks): stat for stat in found if stat.state == "D"}
        self._since = {key: self._since.get(key, now) for key in stuck}
        blocked = [Blocked(stat.pid, stat.name, now - self._since[key]) for key, stat in stuck.items()]
        return sorted(blocked, key=lambda process: -process.seconds)[:MOST]

    def _open(self, stat: _Stat) -> Open:
        limits = (text(f"{self._proc}/{stat.pid}/limits") or "").splitlines()
        row = next((line.split() for line in limits if line.startswith("Max open files")), [])
        return Open(stat.pid, stat.name, _count(f"{self._proc}/{stat.pid}/fd"), whole(row[3]) if len(row) > 3 else None)

    def tell(self, news: bytes) -> None:
        raise NotImplementedError


def attach(options: Options, _host: Host) -> Processes:
    return Processes(options)


def _stat(content: str | None) -> _Stat | None:
    """/proc/PID/stat; a name may hold blanks and brackets."""
    head, bracket, rest = (content or "").rpartition(")")
    fields = rest.split()
    pid, opened, name = head.partition(" (")
    if not bracket or not opened or len(fields) < 20:
        return None
    return _Stat(int(pid), name, fields[0], int(fields[1]), int(fields[11]) + int(fields[12]), int(fields[19]))


def _parents(zombies: list[_Stat], found: list[_Stat]) -> dict[str, int]:
    names = {stat.pid: stat.name for stat in found}
    counts: dict[str, int] = {}
    for zombie in zombies:
        name = names.get(zombie.parent, "?")
        counts[name] = counts.get(name, 0) + 1
    return dict(sorted(counts.items(), key=lambda item: -item[1])[:MOST])


def _count(directory: str) -> int | None:
    """Since 6.2 the directory's size is the number of open files."""
    try:
        return os.stat(directory).st_size or len(os.listdir(directory))
    except OSError:
        return None


def metrics(reading: Reading) -> Iterable[Family]:
    for name, value, help_ in (
        ("node_filefd_allocated", reading.files, "File descriptors in use."),
        ("node_filefd_maximum", reading.files_most, "File descriptors there can be."),
        ("node_processes_threads", reading.threads, "Threads there are."),
        ("node_processes_max_threads", reading.threads_most, "Threads there can be."),
        ("node_processes_pids", reading.processes, "Processes, without the kernel's own."),
    ):
        yield Family(name, help_, [({}, float(value))])
    states = [({"state": "D"}, float(len(reading.blocked))), ({"state": "Z"}, float(reading.zombies))]
    yield Family("node_processes_state", "Processes that are blocked or dead.", states)

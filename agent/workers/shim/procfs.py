"""Processes as /proc tells of them."""

import os
import signal
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

CLOCK_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Process:
    """``start_time`` is field 22 of /proc/PID/stat: with the pid it names a process for good (until the next boot)."""

    pid: int
    parent: int
    state: str
    start_time: int
    cpu_s: float

    @property
    def gone(self) -> bool:
        """A zombie runs no more; it waits for its parent."""
        return self.state in "ZX"


def read(pid: int) -> Process | None:
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            fields = file.read().rpartition(b")")[2].split()
    except OSError:
        return None
    if len(fields) < 20:
        return None
    cpu_s = (int(fields[11]) + int(fields[12])) / CLOCK_TICKS
    return Process(pid, int(fields[1]), fields[0].decode(), int(fields[19]), cpu_s)


def is_alive(pid: int, start_time: int) -> bool:
    process = read(pid)
    return process is not None and process.start_time == start_time and not process.gone


def everything() -> Iterator[Process]:
    for name in os.listdir("/proc"):
        if name.isdecimal() and (process := read(int(name))) is not None:
            yield process


def descendants(roots: Iterable[int], processes: Iterable[Process]) -> list[Process]:
    """Children of ``roots``, their children and so on, without zombies and without the roots."""
    children: dict[int, list[Process]] = {}
    for process in processes:
        children.setdefault(process.parent, []).append(process)
    found: dict[int, Process] = {}
    frontier = list(roots)
    while frontier:
        for child in children.get(frontier.pop(), ()):
            if child.pid not in found:
                found[child.pid] = child
                frontier.append(child.pid)
    return [process for process in found.values() if not process.gone]


def owner(pid: int) -> int | None:
    """Its user's id; None when it is gone. A process that may not be dumped seems to be root's."""
    try:
        return os.stat(f"/proc/{pid}").st_uid
    except OSError:
        return None


def environment(pid: int) -> list[bytes]:
    """The ``NAME=value`` entries the process was started with. Empty when they may not be read."""
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            return file.read().split(b"\0")
    except OSError:
        return []


def send(process: Process, *signals: signal.Signals) -> bool:
    """Signals that very process, never another that got its pid since. False when it is gone or not ours."""
    try:
        fd = os.pidfd_open(process.pid)
    except OSError:
        return False
    try:
        if not is_alive(process.pid, process.start_time):
            return False
        for number in signals:
            signal.pidfd_send_signal(fd, number)
        return True
    except OSError:
        return False
    finally:
        os.close(fd)

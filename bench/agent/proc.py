"""What /proc says of processes, as numbers. Pure."""

import re

import msgspec

_PSS = re.compile(r"^Pss:\s+(\d+) kB$", re.MULTILINE)
_AFTER_NAME = re.compile(r"^\d+ \((.*)\) (.*)$", re.DOTALL)
_PPID, _CUTIME, _CSTIME = 1, 13, 14  # places behind the name, see proc_pid_stat(5)
PRESENT, PFN = 1 << 63, (1 << 55) - 1  # of an entry of /proc/PID/pagemap
CLOCK_OF_PROCESS = 2  # CPUCLOCK_SCHED, see clock_getcpuclockid(3)


class Stat(msgspec.Struct, frozen=True):
    """``ended_children_ticks``: CPU time of children that ended and were waited for, and of theirs."""

    name: str
    parent: int
    ended_children_ticks: int


def stat(text: str) -> Stat:
    """/proc/PID/stat; the name may hold blanks and brackets."""
    found = _AFTER_NAME.match(text.strip())
    if found is None:
        raise ValueError(f"not a stat line: {text!r}")
    fields = found[2].split()
    return Stat(found[1], int(fields[_PPID]), int(fields[_CUTIME]) + int(fields[_CSTIME]))


def pss_kib(smaps_rollup: str) -> int:
    found = _PSS.search(smaps_rollup)
    return int(found[1]) if found else 0


def ran_ns(schedstat: str) -> int:
    """/proc/PID/task/TID/schedstat: time on a CPU."""
    return int(schedstat.split()[0])


def descendants(root: int, parents: dict[int, int]) -> list[int]:
    """``root`` and all below it. ``parents``: by process."""
    children: dict[int, list[int]] = {}
    for pid, parent in parents.items():
        children.setdefault(parent, []).append(pid)
    found = [root]
    for pid in found:
        found += children.get(pid, [])
    return found


def frames(pagemap: "memoryview[int]") -> set[int]:
    """Page frames that are resident, of the 64-bit entries of /proc/PID/pagemap; frame 0 is what root alone may see."""
    return {entry & PFN for entry in pagemap if entry & PRESENT} - {0}


def ranges(maps: str) -> list[tuple[int, int]]:
    """First and last address of each mapping of /proc/PID/maps; without the kernel's own page."""
    lines = (line for line in maps.splitlines() if not line.endswith("[vsyscall]"))
    pairs = (line.split(" ", 1)[0].split("-") for line in lines)
    return [(int(first, 16), int(last, 16)) for first, last in pairs]


def clock_of(pid: int) -> int:
    """The clock of all its threads' CPU time, those that ended too, in nanoseconds and not in ticks."""
    return (~pid << 3) | CLOCK_OF_PROCESS

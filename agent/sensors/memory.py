"""Main memory, swap and huge pages."""

from collections.abc import Iterable

import msgspec

from agent.sensors import Cadence, Family, Kind, Seconds
from agent.sensors.pseudofiles import PROC, text, whole

KIB = 1024


class Options(Cadence, frozen=True):
    every_s: Seconds = 15.0


class Reading(msgspec.Struct, frozen=True):
    """Bytes. ``available`` is what can be had without swapping (MemAvailable); ``huge_bytes`` is set aside as huge
    pages of all sizes, used or not, and never available. Huge pages are those of the default size, counted;
    ``corrupted`` is memory that the kernel took out of use because it was damaged. Pages swapped, major faults and OOM
    kills are counted since boot; None where the kernel doesn't."""

    total: int
    available: int
    swap_total: int
    swap_used: int
    huge_pages: int = 0
    huge_pages_free: int = 0
    huge_page_bytes: int = 0
    huge_bytes: int = 0
    corrupted: int = 0
    swapped_in: int | None = None
    swapped_out: int | None = None
    oom_kills: int | None = None
    major_faults: int | None = None


def read(_options: Options, proc: str = PROC) -> Reading | None:
    info = _table(text(f"{proc}/meminfo"))
    if "MemTotal" not in info:
        return None
    counted = _table(text(f"{proc}/vmstat"))
    return Reading(
        total=info["MemTotal"] * KIB,
        available=info.get("MemAvailable", info.get("MemFree", 0) + info.get("Cached", 0)) * KIB,
        swap_total=info.get("SwapTotal", 0) * KIB,
        swap_used=(info.get("SwapTotal", 0) - info.get("SwapFree", 0)) * KIB,
        huge_pages=info.get("HugePages_Total", 0),
        huge_pages_free=info.get("HugePages_Free", 0),
        huge_page_bytes=info.get("Hugepagesize", 0) * KIB,
        huge_bytes=info.get("Hugetlb", info.get("HugePages_Total", 0) * info.get("Hugepagesize", 0)) * KIB,
        corrupted=info.get("HardwareCorrupted", 0) * KIB,
        swapped_in=counted.get("pswpin"),
        swapped_out=counted.get("pswpout"),
        oom_kills=counted.get("oom_kill"),
        major_faults=counted.get("pgmajfault"),
    )


def _table(content: str | None) -> dict[str, int]:
    """``Name:   number kB`` and ``name number``, a line each."""
    fields = (line.replace(":", " ", 1).split() for line in (content or "").splitlines())
    known = ((field[0], whole(field[1])) for field in fields if len(field) > 1)
    return {name: value for name, value in known if value is not None}


def metrics(reading: Reading) -> Iterable[Family]:
    for name, value, help_ in (
        ("node_memory_total_bytes", reading.total, "Main memory."),
        ("node_memory_available_bytes", reading.available, "Memory that can be had without swapping."),
        ("node_memory_swap_total_bytes", reading.swap_total, "Swap space."),
        ("node_memory_swap_used_bytes", reading.swap_used, "Swap space in use."),
        ("node_memory_hardware_corrupted_bytes", reading.corrupted, "Memory taken out of use as damaged."),
        ("node_memory_huge_pages", reading.huge_pages, "Huge pages of the default size."),
        ("node_memory_huge_pages_free", reading.huge_pages_free, "Huge pages of the default size, not in use."),
    ):
        yield Family(name, help_, [({}, value)])
    for name, count, help_ in (
        ("node_vmstat_pswpin", reading.swapped_in, "Pages read from swap."),
        ("node_vmstat_pswpout", reading.swapped_out, "Pages written to swap."),
        ("node_vmstat_oom_kill", reading.oom_kills, "Processes killed because memory was out."),
        ("node_vmstat_pgmajfault", reading.major_faults, "Page faults that had to read."),
    ):
        if count is not None:
            yield Family(name, help_, [({}, count)], Kind.COUNTER)

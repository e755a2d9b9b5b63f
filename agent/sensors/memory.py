"""Main memory and swap."""

import msgspec
import psutil


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    pass


class Reading(msgspec.Struct, frozen=True):
    """Bytes. ``available`` is what can be had without swapping (MemAvailable)."""

    total: int
    available: int
    swap_total: int
    swap_used: int


def read(_options: Options) -> Reading:
    memory, swap = psutil.virtual_memory(), psutil.swap_memory()
    return Reading(memory.total, memory.available, swap.total, swap.used)

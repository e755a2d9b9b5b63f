"""Load of the machine's processors."""

import os

import msgspec
import psutil


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    pass


class Reading(msgspec.Struct, frozen=True):
    """``load_*`` are the kernel's load averages: runnable and uninterruptible tasks, over 1, 5 and 15 minutes."""

    cores: int  # that this process may run on
    load_1m: float
    load_5m: float
    load_15m: float


def read(_options: Options) -> Reading:
    return Reading(len(os.sched_getaffinity(0)), *psutil.getloadavg())

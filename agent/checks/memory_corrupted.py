"""Memory that the kernel took out of use because it was damaged."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated

import msgspec

from agent.checks import Clears, Steadiness, Timed, Verdict, fault, healthy
from agent.sensors.memory import Reading
from wire.conditions import Severity

TYPE = "MemoryCorrupted"
READS = "memory"
WINDOW = 1
WORST = Severity.WARNING
CLEARS = Clears.REBOOT
ACTION = "drain the node, test its memory; a module that does it again needs repair"
KIB = 1024


class Thresholds(Steadiness, frozen=True):
    """TRUE when more than ``kib`` are out of use (HardwareCorrupted of /proc/meminfo,
    https://docs.kernel.org/mm/hwpoison.html). Default: any page; each had an error that could not be
    corrected, or so many that could that it was set aside."""

    kib: Annotated[int, msgspec.Meta(ge=0)] = 0


class Reason(StrEnum):
    MEMORY_SOUND = "memory_sound"
    PAGES_OFFLINE = "pages_offline"


def judge(window: Sequence[Timed[Reading]], thresholds: Thresholds) -> Verdict:
    corrupted = window[-1].reading.corrupted // KIB
    message = f"{corrupted} KiB of damaged memory out of use"
    if corrupted <= thresholds.kib:
        return healthy(Reason.MEMORY_SOUND, message)
    return fault(Severity.WARNING, Reason.PAGES_OFFLINE, message, ACTION)

"""The edge where time enters; everything behind it takes time as an argument (law 9)."""

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from agent.errors import Invalid

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class Clock(Protocol):
    def boottime(self) -> float:
        """Seconds that only grow, and that go on while the machine or this process is suspended."""

    def utc(self) -> datetime:
        """For records."""


class SystemClock:
    def boottime(self) -> float:
        return time.clock_gettime(time.CLOCK_BOOTTIME)

    def utc(self) -> datetime:
        return datetime.now(UTC)


def read_boot_id(path: Path = BOOT_ID) -> str:
    """What names this boot of the machine.

    Raises Invalid when the file cannot be read or is empty.
    """
    try:
        boot_id = path.read_text("ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise Invalid(f"{path}: no boot id to be read ({error}); mend boot_id_file in the configuration") from None
    if not boot_id:
        raise Invalid(f"{path}: no boot id in it; mend boot_id_file in the configuration")
    return boot_id

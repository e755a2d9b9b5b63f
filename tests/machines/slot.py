"""A place for one session's machines: a number, and what is named after it (machines, bridge, subnet, directory).

Whoever holds the lock of a number owns everything that wears it. What a crashed session left is found by name when its
number is claimed again, and removed first.
"""

import contextlib
import fcntl
import itertools
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from machines import cgroups, network

ROOT = Path("/var/tmp/mainstay-machines")  # of a kind that may hold an overlay's upper directory: no tmpfs, no overlay
SLOTS = 200


@dataclass(frozen=True)
class Slot:
    number: int

    @property
    def name(self) -> str:
        return f"mst{self.number}"

    @property
    def directory(self) -> Path:
        return ROOT / self.name

    @property
    def bridge(self) -> str:
        return self.name

    def address(self, host: int) -> str:
        return f"10.181.{self.number}.{host}"

    def clear(self) -> None:
        """Ends and removes everything that wears this number."""
        for group in cgroups.beginning_with(f"{self.name}-"):
            cgroups.kill(group)
            cgroups.remove(group)
        for mount in _mounts_below(self.directory):
            subprocess.run(["umount", "--lazy", mount], check=True)
        network.remove_bridge(self.bridge)
        shutil.rmtree(self.directory, ignore_errors=True)


@contextlib.contextmanager
def claimed() -> Iterator[Slot]:
    """A free slot, cleared before and after; other free ones are cleared too."""
    ROOT.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as stack:
        slot = next(slot for slot in map(Slot, range(SLOTS)) if _lock(slot, stack))
        _clear_crashed(slot.number + 1)
        slot.clear()
        slot.directory.mkdir()
        try:
            yield slot
        finally:
            slot.clear()


def _clear_crashed(first: int) -> None:
    for slot in itertools.takewhile(lambda slot: _lock_file(slot).exists(), map(Slot, range(first, SLOTS))):
        with contextlib.ExitStack() as stack:
            if _lock(slot, stack):
                slot.clear()


def _lock_file(slot: Slot) -> Path:
    return ROOT / f"{slot.name}.lock"


def _lock(slot: Slot, stack: contextlib.ExitStack) -> bool:
    """Until the stack is closed. Locks are not inherited: a machine that outlives its session holds none."""
    file = stack.enter_context(_lock_file(slot).open("a"))
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _mounts_below(directory: Path) -> list[str]:
    """The innermost first."""
    points = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
    return [point for point in reversed(points) if point.startswith(f"{directory}/")]

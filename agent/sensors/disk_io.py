"""What disks are asked, how long they take, and whether an array lacks one of its disks.

https://docs.kernel.org/admin-guide/iostats.html
"""

import os
import re
import time
from collections.abc import Iterable

import msgspec

from agent.sensors import Cadence, Family, Host, Kind, Seconds
from agent.sensors.pseudofiles import PROC, SYS, names, number, text

MOST = 64
SECTOR = 512  # whatever the disk's own sectors
MILLI = 1e-3
NOT_DISKS = re.compile(r"(loop|ram|zram|sr|fd|nbd)\d")


class Options(Cadence, frozen=True):
    every_s: Seconds = 15.0


class Disk(msgspec.Struct, frozen=True):
    """Counts since boot. ``*_s``: seconds that requests took, all together. ``in_flight``: requests not answered yet;
    ``silent_s``: since when requests of any kind have waited and none was answered, as far as this sensor looked; 0 for
    what is no device but made of others. ``degraded``: disks that an md array lacks; None for what is no array."""

    name: str
    reads: int
    read_bytes: int
    read_s: float
    writes: int
    written_bytes: int
    write_s: float
    in_flight: int
    busy_s: float
    weighted_s: float
    degraded: int | None = None
    silent_s: float = 0.0


class Reading(msgspec.Struct, frozen=True):
    """Whole disks, arrays and mapped devices; at most MOST."""

    disks: list[Disk]


class Disks:
    """Remembers when each disk last answered."""

    def __init__(self, proc: str = PROC, sys: str = SYS) -> None:
        self._proc, self._sys = proc, sys
        self._answered: dict[str, tuple[int, float]] = {}

    def read(self, now: float | None = None) -> Reading | None:
        """``now``: seconds of a monotonic clock."""
        at = time.monotonic() if now is None else now
        whole = {name.replace("!", "/") for name in names(f"{self._sys}/block") if not NOT_DISKS.match(name)}
        lines = (line.split() for line in (text(f"{self._proc}/diskstats") or "").splitlines())
        rows = [fields for fields in lines if len(fields) >= 14 and fields[2] in whole][:MOST]
        return Reading([self._timed(_disk(fields, self._sys), _done(fields), at) for fields in rows]) if rows else None

    def _timed(self, disk: Disk, done: int, at: float) -> Disk:
        """Of arrays and mapped devices some kernels lose count of what is in flight; what hangs shows below them."""
        before, since = self._answered.get(disk.name, (-1, at))
        if done != before or not disk.in_flight or not os.path.exists(f"{self._sys}/block/{disk.name}/device"):
            since = at
        self._answered[disk.name] = (done, since)
        return msgspec.structs.replace(disk, silent_s=at - since) if at > since else disk

    def tell(self, news: bytes) -> None:
        raise NotImplementedError


def attach(_options: Options, _host: Host) -> Disks:
    return Disks()


def _done(fields: list[str]) -> int:
    """Reads, writes, discards and flushes: a long discard is no silence while it goes on."""
    return sum(int(fields[column]) for column in (3, 7, 14, 18) if column < len(fields))


def _disk(fields: list[str], sys: str) -> Disk:
    """14 columns until 4.17, 18 with discards, 20 with flushes; what is asked is in the first 14."""
    name, counts = fields[2], [int(field) for field in fields[3:14]]
    return Disk(
        name=name,
        reads=counts[0],
        read_bytes=counts[2] * SECTOR,
        read_s=counts[3] * MILLI,
        writes=counts[4],
        written_bytes=counts[6] * SECTOR,
        write_s=counts[7] * MILLI,
        in_flight=counts[8],
        busy_s=counts[9] * MILLI,
        weighted_s=counts[10] * MILLI,
        degraded=number(f"{sys}/block/{name}/md/degraded") if name.startswith("md") else None,
    )


def metrics(reading: Reading) -> Iterable[Family]:
    for name, field, help_ in (
        ("node_disk_reads_completed", "reads", "The total number of reads completed successfully."),
        ("node_disk_read_bytes", "read_bytes", "The total number of bytes read successfully."),
        ("node_disk_read_time_seconds", "read_s", "The total number of seconds spent by all reads."),
        ("node_disk_writes_completed", "writes", "The total number of writes completed successfully."),
        ("node_disk_written_bytes", "written_bytes", "The total number of bytes written successfully."),
        ("node_disk_write_time_seconds", "write_s", "The total number of seconds spent by all writes."),
        ("node_disk_io_time_seconds", "busy_s", "Total seconds spent doing I/Os."),
        ("node_disk_io_time_weighted_seconds", "weighted_s", "The weighted number of seconds spent doing I/Os."),
    ):
        counted = [({"device": disk.name}, float(getattr(disk, field))) for disk in reading.disks]
        yield Family(name, help_, counted, Kind.COUNTER)
    waiting = [({"device": disk.name}, float(disk.in_flight)) for disk in reading.disks]
    yield Family("node_disk_io_now", "The number of I/Os currently in progress.", waiting)
    arrays = [({"device": disk.name}, float(disk.degraded)) for disk in reading.disks if disk.degraded is not None]
    if arrays:
        yield Family("node_md_degraded", "Number of degraded disks on device.", arrays)

"""A disk: a bounded file is written, synchronised, read back from the device and compared; then small synchronised
writes, which is what a checkpoint's publication waits for."""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections.abc import Iterator

from agent.diagnostics import GB, Asked, Figure, skipped

MIB = 2**20
BYTES, QUICK_BYTES = 128 * MIB, 16 * MIB
BLOCK = MIB
SYNCS = 16
SYNC_BYTES = 4096
ROOM = 4  # as many times the file must be free: a diagnostic never fills a disk


def examine(asked: Asked) -> Iterator[Figure]:
    size = QUICK_BYTES if asked.quick else BYTES
    if (free := _free(asked.directory)) < ROOM * size:
        yield skipped("disk", f"only {free // MIB} MiB are free in {asked.directory}")
        return
    component, kind = mount_of(os.path.realpath(asked.directory))
    with tempfile.TemporaryFile(dir=asked.directory) as file:
        write, read, same = _through(file.fileno(), size)
        message = "" if same else "wrong result: what was read differs from what was written"
        yield Figure("disk_write", component, write, "GB/s", same, kind, message, not same)
        yield Figure("disk_read", component, read, "GB/s", same, kind, message, not same)
        yield Figure("disk_sync", component, _sync_s(file.fileno()), "s", True, kind)


def mount_of(path: str) -> tuple[str, str]:
    """The mount point it lies below, and its type of file system."""
    with open("/proc/self/mounts", encoding="utf-8", errors="replace") as file:
        mounts = [(fields[1], fields[2]) for fields in map(str.split, file)]
    above = [(point, kind) for point, kind in mounts if path == point or path.startswith(point.rstrip("/") + "/")]
    return max(above, key=lambda mount: len(mount[0]), default=("/", ""))


def _free(directory: str) -> int:
    status = os.statvfs(directory)
    return status.f_bavail * status.f_frsize


def _through(descriptor: int, size: int) -> tuple[float, float, bool]:
    """Speeds of writing and reading in GB/s, and whether what was read is what was written."""
    block = os.urandom(BLOCK)  # no file system can make it smaller
    began = time.perf_counter()
    for _ in range(size // BLOCK):
        _write_whole(descriptor, block)
    os.fsync(descriptor)
    written = time.perf_counter() - began
    os.posix_fadvise(descriptor, 0, size, os.POSIX_FADV_DONTNEED)  # from the device, not from the page cache
    began = time.perf_counter()
    same = all(os.pread(descriptor, BLOCK, at) == block for at in range(0, size, BLOCK))
    return size / written / GB, size / (time.perf_counter() - began) / GB, same


def _write_whole(descriptor: int, block: bytes) -> None:
    left = memoryview(block)
    while left:
        left = left[os.write(descriptor, left) :]


def _sync_s(descriptor: int) -> float:
    """How long a small synchronised write takes, typically."""
    taken = []
    for turn in range(SYNCS):
        began = time.perf_counter()
        os.pwrite(descriptor, bytes(SYNC_BYTES), turn * SYNC_BYTES)
        os.fsync(descriptor)
        taken.append(time.perf_counter() - began)
    return statistics.median(taken)

"""A control group of its own for every machine: systemd-nspawn would put all of a session into one."""

import contextlib
import os
import time
from pathlib import Path

GONE_S = 10.0


def hierarchies() -> list[Path]:
    """Where systemd's groups live on this host: the unified hierarchy first, then systemd's own, where it has one."""
    mounts = [line.split() for line in Path("/proc/mounts").read_text().splitlines()]
    unified = [Path(mount[1]) for mount in mounts if mount[2] == "cgroup2"]
    named = [Path(mount[1]) for mount in mounts if mount[2] == "cgroup" and "name=systemd" in mount[3].split(",")]
    return unified[:1] + named[:1]


def make(name: str) -> list[Path]:
    groups = [hierarchy / name for hierarchy in hierarchies()]
    for group in groups:
        group.mkdir(exist_ok=True)
    return groups


def beginning_with(prefix: str) -> list[str]:
    return sorted(path.name for path in hierarchies()[0].glob(f"{prefix}*"))


def kill(name: str) -> None:
    """SIGKILL to all of the machine's processes at once; what nspawn itself keeps for it goes by itself then."""
    group = hierarchies()[0] / name
    payload = group / "payload" / "cgroup.kill"
    with contextlib.suppress(FileNotFoundError):
        payload.write_text("1")
    if not _empty_within(group, GONE_S):
        (group / "cgroup.kill").write_text("1")
        _empty_within(group, GONE_S)


def remove(name: str) -> None:
    for hierarchy in hierarchies():
        for directory, _, _ in os.walk(hierarchy / name, topdown=False):
            with contextlib.suppress(OSError):
                os.rmdir(directory)


def _empty_within(group: Path, seconds: float) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            if "populated 0" in (group / "cgroup.events").read_text():
                return True
        except FileNotFoundError:
            return True
        time.sleep(0.02)
    return False

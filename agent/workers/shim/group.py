"""The control group (cgroup v2) of the shim's own scope, delegated to it, and the workers' group below.

What is in a group can't leave it without rights it does not have, whatever it does to its environment, its session or
its name; and it is killed as a whole.
"""

import contextlib
import os

SCOPE_PREFIX = "mainstay-part-"
WORKERS = "workers"


class Group:
    """``path`` is the workers' group in the file system."""

    def __init__(self, path: str) -> None:
        self._path = path

    def enter(self) -> None:
        """Takes the calling process in; its children are born there."""
        _write(os.path.join(self._path, "cgroup.procs"), "0")

    def kill(self) -> None:
        """SIGKILL to all of it at once, also to what is being forked. Does nothing before Linux 5.14."""
        with contextlib.suppress(OSError):
            _write(os.path.join(self._path, "cgroup.kill"), "1")

    def pids(self) -> list[int]:
        """Of the group and of those that workers may have made below it."""
        found: list[int] = []
        for directory, _, files in os.walk(self._path):
            if "cgroup.procs" in files:
                found += _pids(os.path.join(directory, "cgroup.procs"))
        return found


def make() -> Group | None:
    """None where this process is in no scope made for a part: then a walk of descendants has to do."""
    own = own_path()
    if own is None or not os.path.basename(own).startswith(SCOPE_PREFIX):
        return None
    path = os.path.join(own, WORKERS)
    try:
        os.makedirs(path, exist_ok=True)
    except OSError:
        return None
    return Group(path)


def own_path() -> str | None:
    """This process's group of the unified hierarchy, in the file system."""
    try:
        with open("/proc/self/cgroup", encoding="utf-8") as file:
            own = next((line[3:].rstrip("\n") for line in file if line.startswith("0::")), None)
    except OSError:
        return None
    return None if own is None else in_file_system(own)


def in_file_system(path: str) -> str | None:
    """Where a group of the unified hierarchy, as /proc and systemd name it, is mounted; None when none is."""
    try:
        with open("/proc/self/mounts", encoding="utf-8") as file:
            mounted = next((fields[1] for line in file if (fields := line.split())[2] == "cgroup2"), None)
    except OSError:
        return None
    return None if mounted is None else os.path.normpath(mounted + path)


def _pids(path: str) -> list[int]:
    try:
        with open(path, encoding="ascii") as file:
            return [int(line) for line in file]
    except OSError:
        return []


def _write(path: str, text: str) -> None:
    with open(path, "w", encoding="ascii") as file:
        file.write(text)

"""Which process is a rank's main one: the first that registers. Its children inherit its environment, not its rank."""

import os
from typing import Optional

CLAIMED_BY = "MAINSTAY_RANK_PID"


def directory() -> Optional[str]:
    """The worker directory, when this process belongs to a rank that Mainstay started."""
    if "RANK" not in os.environ:
        return None
    return os.environ.get("MAINSTAY_WORKER_DIR") or None


def rank() -> int:
    return int(os.environ["RANK"])


def local_rank() -> int:
    return int(os.environ.get("LOCAL_RANK", "0"))


def claim() -> bool:
    """Whether this process is its rank's main one; it becomes that when no living process is. May raise."""
    where = directory()
    if where is None:
        return False
    claimed_by = os.environ.get(CLAIMED_BY)
    if claimed_by is not None:
        return claimed_by == str(os.getpid())
    if not _register(os.path.join(where, "rank-%d.json" % rank())):
        return False
    os.environ[CLAIMED_BY] = str(os.getpid())
    return True


def _register(path: str) -> bool:
    pid = os.getpid()
    mine = "%s.%d" % (path, pid)
    fd = os.open(mine, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        record = '{"pid": %d, "start_time": %d, "local_rank": %d}\n' % (pid, start_time(pid), local_rank())
        os.write(fd, record.encode())
    finally:
        os.close(fd)
    try:
        os.link(mine, path)  # the whole record or none, and only one wins
    except FileExistsError:
        if not _is_stale(path):
            os.unlink(mine)
            return False
        os.replace(mine, path)
        return True
    os.unlink(mine)
    return True


def _is_stale(path: str) -> bool:
    """Whether the registered process is gone, as when a wrapper script ran one Python before the real one."""
    import json  # only here: every Python that a worker starts comes through this module

    with open(path) as file:
        record = json.load(file)
    try:
        return bool(start_time(record["pid"]) != record["start_time"])
    except OSError:
        return True


def start_time(pid: int) -> int:
    """Field 22 of /proc/PID/stat: clock ticks since boot; with the pid it names a process for good."""
    with open("/proc/%d/stat" % pid, "rb") as file:
        return int(file.read().rpartition(b")")[2].split()[19])

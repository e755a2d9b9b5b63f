"""What is left over: descriptors of the daemons, and processes nobody needs any more."""

import os
import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import psutil

from cli.demo.cluster import Cluster

POOL = 5  # connections that SQLAlchemy's pool fills up to as they are needed, and keeps
_DATABASE = re.compile(r"/controller\.db(-wal|-shm)?$")
_NUMBER = re.compile(r":\[\d+\]$")


def descriptors(cluster: Cluster) -> dict[str, Counter[str]]:
    """For each daemon, what its descriptors lead to, with the numbers of sockets and pipes left out."""
    return {daemon.name: _of_process(daemon.pid) for daemon in cluster.daemons.values()}


def grown(before: Mapping[str, Counter[str]], after: Mapping[str, Counter[str]]) -> dict[str, Counter[str]]:
    """What each daemon has more than it had, or than a pool of database connections may hold."""
    more = {name: held - (before.get(name, Counter()) | _pool(held)) for name, held in after.items()}
    return {name: held for name, held in more.items() if held}


def processes_left(cluster: Cluster) -> list[str]:
    """Processes that name the cluster's directory in their command line or environment, its daemons excepted; and
    children of the daemons that nobody has waited for."""
    daemons = {daemon.pid for daemon in cluster.daemons.values()}
    root = f"{cluster.layout.root}/"
    return [
        told
        for process in psutil.process_iter()
        if process.pid not in daemons and (told := _left(process, root, daemons)) is not None
    ]


def _pool(held: Counter[str]) -> Counter[str]:
    return Counter({path: POOL for path in held if _DATABASE.search(path)})


def _left(process: psutil.Process, root: str, daemons: set[int]) -> str | None:
    try:
        if process.status() == psutil.STATUS_ZOMBIE:
            return f"{process.pid} zombie of {process.ppid()}" if process.ppid() in daemons else None
        argv = " ".join(process.cmdline())
        belongs = root in argv or any(root in value for value in process.environ().values())
        return f"{process.pid} {argv[:160]}" if belongs and process.pid != os.getpid() else None
    except psutil.Error:
        return None


def _of_process(pid: int) -> Counter[str]:
    held: Counter[str] = Counter()
    for link in Path(f"/proc/{pid}/fd").iterdir():
        try:
            held[_NUMBER.sub("", os.readlink(link))] += 1
        except OSError:
            continue
    return held

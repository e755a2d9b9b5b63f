"""Processes of Mainstay's workers that no part accounts for."""

import os
from collections.abc import Iterable
from pathlib import Path

from agent.workers.shim import procfs


def strays(attempts: Path, live: Iterable[str]) -> list[str]:
    """Those started for parts below ``attempts`` by shims not in ``live``, in words. Reads every environment.

    The directory says whose they are: several nodes, of several clusters, may live on one machine. Anybody can write
    such an environment, so only the directory's owner is believed.
    """
    accounted = set(live)
    found = []
    for process in procfs.everything():
        names = _names(process.pid)
        work_dir = Path(names.get("MAINSTAY_WORKER_DIR", "/"))
        own = work_dir.is_relative_to(attempts) and procfs.owner(process.pid) == _owner(work_dir)
        if own and names.get("MAINSTAY_SHIM") not in accounted and not process.gone:
            found.append(f"process {process.pid} of {names.get('MAINSTAY_JOB')}.{names.get('MAINSTAY_ATTEMPT')}")
    return found


def _owner(work_dir: Path) -> int:
    """Its user; root's, which no job has, when it is not there."""
    try:
        return os.lstat(work_dir).st_uid
    except OSError:
        return 0


def _names(pid: int) -> dict[str, str]:
    pairs = (entry.decode("utf-8", "replace").partition("=") for entry in procfs.environment(pid))
    return {name: value for name, _, value in pairs}

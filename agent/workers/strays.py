"""Processes of Mainstay's workers that no part accounts for."""

from collections.abc import Iterable
from pathlib import Path

from agent.workers.shim import procfs


def strays(attempts: Path, live: Iterable[str]) -> list[str]:
    """Those started for parts below ``attempts`` by shims not in ``live``, in words. Reads every environment.

    The directory says whose they are: several nodes, of several clusters, may live on one machine.
    """
    accounted = set(live)
    found = []
    for process in procfs.everything():
        names = _names(process.pid)
        own = Path(names.get("MAINSTAY_WORKER_DIR", "/")).is_relative_to(attempts)
        if own and names.get("MAINSTAY_SHIM") not in accounted and not process.gone:
            found.append(f"process {process.pid} of {names.get('MAINSTAY_JOB')}.{names.get('MAINSTAY_ATTEMPT')}")
    return found


def _names(pid: int) -> dict[str, str]:
    pairs = (entry.decode("utf-8", "replace").partition("=") for entry in procfs.environment(pid))
    return {name: value for name, _, value in pairs}

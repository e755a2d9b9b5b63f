"""Processes of Mainstay's workers that no part accounts for."""

from collections.abc import Iterable

from agent.workers.shim import procfs


def strays(node: str, live: Iterable[str]) -> list[str]:
    """Those started as workers of ``node`` below shims not in ``live``, in words. Reads every environment."""
    accounted = set(live)
    found = []
    for process in procfs.everything():
        names = _names(process.pid)
        if names.get("MAINSTAY_NODE") == node and names.get("MAINSTAY_SHIM") not in accounted and not process.gone:
            found.append(f"process {process.pid} of {names.get('MAINSTAY_JOB')}.{names.get('MAINSTAY_ATTEMPT')}")
    return found


def _names(pid: int) -> dict[str, str]:
    pairs = (entry.decode("utf-8", "replace").partition("=") for entry in procfs.environment(pid))
    return {name: value for name, _, value in pairs}

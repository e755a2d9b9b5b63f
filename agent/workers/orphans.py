"""Ends what a shim that died left behind."""

import asyncio
from collections.abc import Collection

from agent.workers.aside import aside
from agent.workers.shim import sweep

WAIT_S = (0.05, 1.0)  # between sweeps: the first wait, doubled up to the last


async def sweep_orphans(shim: str, known: Collection[tuple[int, int]] = ()) -> int:
    """Kills every process started below that shim until none is left; how many. Waits for one that resists SIGKILL.

    ``known``: as in :func:`agent.workers.shim.sweep.marked`.
    """
    if not shim:
        return 0
    swept: set[tuple[int, int]] = set()
    wait_s = WAIT_S[0]
    while found := await aside(lambda: sweep.marked(shim, known)):
        sweep.kill(found)
        swept.update((process.pid, process.start_time) for process in found)
        await asyncio.sleep(wait_s)
        wait_s = min(2 * wait_s, WAIT_S[1])
    return len(swept)

"""Notices that this process was stopped for a while, and counts how often."""

import asyncio

from agent.clock import Clock

SUSPENDED_S = 2.0
BEAT_S = 0.5


class Pulse:
    """``observe`` is called every BEAT_S, and before anything is believed that arrived from outside.

    Between two calls more than SUSPENDED_S apart the process did not run (SIGSTOP, a suspended machine, or a
    loop so starved that it makes no difference): what it received before is old. Each such gap begins a new life; an
    order is carried out only in the life it was received in.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._last = clock.boottime()
        self._life = 0
        self._over = asyncio.Event()  # of this life

    def observe(self) -> int:
        """The number of this life."""
        now = self._clock.boottime()
        if now - self._last > SUSPENDED_S:
            self._life += 1
            self._over.set()
            self._over = asyncio.Event()
        self._last = now
        return self._life

    async def over(self, life: int) -> None:
        """Until another life has begun."""
        if life == self._life:
            await self._over.wait()

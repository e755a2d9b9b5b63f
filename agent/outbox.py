"""The spool and the order memory on a thread of their own: the event loop never waits for a disk."""

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ParamSpec, TypeVar

from agent.faults.log import FaultLog, Kept
from agent.memory import OrderMemory, Remembered
from agent.spool import Pending, Spool
from wire.conditions import Condition
from wire.messages import ConditionChanges, Durable, FaultEvents
from wire.orders import Order, Outcome

log = logging.getLogger(__name__)
P = ParamSpec("P")
T = TypeVar("T")


class Outbox:
    """What is posted first is numbered first. ``grown`` is set whenever there may be more to send."""

    def __init__(self, spool: Spool, memory: OrderMemory, faults: FaultLog) -> None:
        self.grown = asyncio.Event()
        self.connected = False  # set by the link
        self._spool, self._memory, self._faults = spool, memory, faults
        self._failed = False
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="outbox")

    @property
    def highest_epoch(self) -> int:
        return self._memory.highest_epoch

    def dropped(self) -> int:
        """Messages that lost their content since the spool was last empty."""
        return self._spool.dropped

    def spooled_bytes(self) -> int:
        """What no controller has acknowledged."""
        return self._spool.size_bytes

    def post(self, body: Durable) -> None:
        """Keep a message and send it as soon as there is a link; never blocks, never raises.

        A message that cannot be written is lost, and :meth:`take_failure` tells so: the next Hello repeats
        what is true then.
        """
        self._submit(self._spool.append, body).add_done_callback(self._written)

    def tell(self, conditions: list[Condition], news: bool) -> None:
        """Renewals without a link are not kept: the next Hello carries what holds then."""
        if news or self.connected:
            self.post(ConditionChanges(conditions))

    def keep_faults(self, positions: dict[str, str], kept: list[Kept], events: FaultEvents | None) -> None:
        """Like :meth:`post`; written together with where their sensors go on."""
        self._submit(self._faults.append, positions, kept, events).add_done_callback(self._written)

    def forget_faults(self, numbers: list[int]) -> None:
        self._submit(self._faults.remove, numbers).add_done_callback(self._written)

    def acknowledged(self, seq: int) -> None:
        """What cannot be deleted now is sent once more on the next link: no reason to end this one."""
        self._submit(self._spool.acknowledge, seq).add_done_callback(_log_failure)

    def take_failure(self) -> bool:
        failed, self._failed = self._failed, False
        return failed

    async def pending(self, after: int) -> list[Pending]:
        return await self._submit(self._spool.after, after)

    async def saw_epoch(self, epoch: int) -> None:
        await self._submit(self._memory.saw_epoch, epoch)

    async def recall(self, key: str) -> Remembered | None:
        return await self._submit(self._memory.recall, key)

    async def accept(self, order: Order) -> None:
        await self._submit(self._memory.accept, order)

    async def finish(self, outcome: Outcome, order: Order | None) -> None:
        await self._submit(self._memory.finish, outcome, order)
        self.grown.set()

    async def unfinished(self) -> list[Order]:
        return await self._submit(self._memory.unfinished)

    def close(self) -> None:
        """Everything posted is on disk when this returns."""
        self._thread.shutdown(wait=True)

    def _submit(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> asyncio.Future[T]:
        return asyncio.get_running_loop().run_in_executor(self._thread, lambda: work(*args, **kwargs))

    def _written(self, written: asyncio.Future[Any]) -> None:
        self._failed |= _log_failure(written)
        self.grown.set()


def _log_failure(written: asyncio.Future[Any]) -> bool:
    """Whether there was one."""
    if written.cancelled() or (error := written.exception()) is None:
        return False
    log.error("the spool cannot be written: %s", error)
    return True

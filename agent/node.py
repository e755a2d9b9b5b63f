"""The node as the link sees it: says who it is and how it stands, takes orders, answers questions."""

import asyncio
import os
import secrets
from importlib.metadata import version
from operator import itemgetter

import msgspec
import psutil

from agent.conditions import Book
from agent.dispatch import Dispatcher
from agent.outbox import Outbox
from agent.services import NodeServices
from wire.attempts import PartState, PartStatus
from wire.messages import MAX_FRAME_BYTES, Heartbeat, Hello
from wire.orders import Order
from wire.version import Version

PARTS_BYTES = MAX_FRAME_BYTES // 2  # of a Hello


class Node:
    """See :class:`agent.session.NodeSide`."""

    def __init__(self, services: NodeServices, book: Book, outbox: Outbox, dispatcher: Dispatcher) -> None:
        self._services, self._book, self._outbox, self._dispatcher = services, book, outbox, dispatcher
        self._instance = secrets.token_hex(8)
        self._agent_version = version("mainstay")
        self._cpus = len(os.sched_getaffinity(0))
        self._memory_bytes = psutil.virtual_memory().total

    def hello(self) -> Hello:
        config = self._services.config
        return Hello(
            version=Version(),
            node=config.node,
            agent_version=self._agent_version,
            instance=self._instance,
            boot_id=self._services.boot_id,
            address=config.address,
            highest_epoch=self._outbox.highest_epoch,
            cpus=self._cpus,
            memory_bytes=self._memory_bytes,
            parts=that_fit(self._services.parts.statuses()),
            conditions=self._book.current(self._services.clock.utc()),
            held=config.held,
        )

    def heartbeat(self) -> Heartbeat:
        parts = [part for part in self._services.parts.statuses() if part.state is not PartState.ENDED]
        return Heartbeat(self._services.clock.utc(), parts, self._services.config.held)

    def take(self, order: Order, life: int) -> None:
        self._dispatcher.take(order, life)

    def refuse_unknown(self, key: str, message: str) -> None:
        self._dispatcher.refuse_unknown(key, message)

    async def tail(self, job: str, attempt: int, max_bytes: int) -> bytes:
        """Raises what the file system raises."""
        return await asyncio.to_thread(self._services.parts.tail, job, attempt, max_bytes)


def that_fit(parts: list[PartStatus]) -> list[PartStatus]:
    """A Hello too large is never taken, and how large a part is, its job decides: the oldest ended are left out."""
    ended = [(part.exit.ended_at, part) for part in parts if part.exit is not None]
    kept = [part for part in parts if part.exit is None]
    left = PARTS_BYTES - sum(map(_size, kept))
    for _, part in sorted(ended, key=itemgetter(0), reverse=True):
        left -= _size(part)
        if left < 0:
            break
        kept.append(part)
    return kept


def _size(part: PartStatus) -> int:
    return len(msgspec.msgpack.encode(part))

"""Questions to an agent and their answers: not actions, so nothing is remembered of them."""

import asyncio
from collections.abc import Callable
from itertools import count

import msgspec

from controller.errors import Unavailable
from wire.messages import ReadLog, Reply


class Questions:
    """Those of one connection that wait for a reply."""

    def __init__(self, node: str) -> None:
        self._node = node
        self._ids = count(1)
        self._waiting: dict[int, asyncio.Future[Reply]] = {}

    async def ask(self, send: Callable[[ReadLog], None], question: ReadLog, timeout_s: float) -> Reply:
        """Send ``question`` under an id of its own and wait. Raises Unavailable: no answer, or no connection left."""
        number = next(self._ids)
        answer: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._waiting[number] = answer
        try:
            send(msgspec.structs.replace(question, id=number))
            async with asyncio.timeout(timeout_s):
                return await answer
        except TimeoutError:
            raise Unavailable(f"node {self._node} did not answer within {timeout_s:g} s; try again") from None
        finally:
            del self._waiting[number]

    def answer(self, reply: Reply) -> None:
        """A reply nobody waits for any more is dropped."""
        waiting = self._waiting.get(reply.id)
        if waiting is not None and not waiting.done():
            waiting.set_result(reply)

    def abandon(self, reason: str) -> None:
        """The connection is gone: whoever waits is told now."""
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_exception(Unavailable(f"node {self._node}: {reason}; try again"))

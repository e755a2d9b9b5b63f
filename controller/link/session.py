"""One agent's connection, as the core sees it."""

import asyncio
import logging

from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

from controller.errors import Unavailable
from controller.link.questions import Questions
from controller.trust import PeerIdentity
from wire.messages import FromController, ReadLog, Reply, encode

OUTGOING_MESSAGES = 1024  # more than a node can owe an answer to: a peer this far behind does not read
SEND_TIMEOUT_S = 10.0  # a frame that the peer's kernel has not taken by then never leaves

log = logging.getLogger(__name__)


class Session:
    """Implements :class:`controller.state.live.AgentSession`; used on the event loop only."""

    def __init__(self, peer: PeerIdentity, socket: ServerConnection) -> None:
        self.node = peer.node
        self.fingerprint = peer.fingerprint
        self.closed_because = ""
        self._socket = socket
        self._outgoing: asyncio.Queue[bytes] = asyncio.Queue(OUTGOING_MESSAGES)
        self._questions = Questions(peer.node)

    def send(self, message: FromController) -> None:
        """Queue a message; never blocks. A peer that does not take its messages is closed."""
        if self.closed_because:
            return
        try:
            self._outgoing.put_nowait(encode(message))
        except asyncio.QueueFull:
            self.close("the agent does not read its messages")

    def end(self, reason: str) -> None:
        """Nothing is sent or answered any more. The first reason stays."""
        if not self.closed_because:
            self.closed_because = reason
            self._questions.abandon(reason)

    def close(self, reason: str) -> None:
        """Drop the connection at once; what is queued is not sent."""
        self.end(reason)
        self._socket.transport.abort()

    async def ask(self, question: ReadLog, timeout_s: float) -> Reply:
        """The agent's answer; ``question.id`` is set here. Raises Unavailable."""
        if self.closed_because:
            raise Unavailable(f"node {self.node}: {self.closed_because}; try again")
        return await self._questions.ask(self.send, question, timeout_s)

    def answer(self, reply: Reply) -> None:
        self._questions.answer(reply)

    async def write(self) -> None:
        """Send what is queued, in order, until the connection is gone."""
        try:
            while True:
                frame = await self._outgoing.get()
                async with asyncio.timeout(SEND_TIMEOUT_S):
                    await self._socket.send(frame)
        except ConnectionClosed as error:
            log.debug("node %s: %s", self.node, error)  # the reader learns of it too, and reports it
        except TimeoutError:
            self.close(f"the agent took no message for {SEND_TIMEOUT_S:g} s")

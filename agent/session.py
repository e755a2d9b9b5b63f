"""One welcomed connection to a controller: heartbeats and the spool go up, orders and questions come down."""

import asyncio
import logging
from typing import Protocol

from websockets.asyncio.client import ClientConnection

from agent.outbox import Outbox
from agent.pulse import Pulse
from wire.messages import (
    MAX_FRAME_BYTES,
    Ack,
    FromAgent,
    Heartbeat,
    Hello,
    MalformedFrame,
    ReadLog,
    Refused,
    Reply,
    UnknownMessage,
    Welcome,
    decode_from_controller,
    encode,
    order_key,
)
from wire.names import attempt_id
from wire.orders import Order
from wire.peers import Peers

log = logging.getLogger(__name__)

HEARTBEAT_BOUNDS_S = (0.05, 60.0)
LOG_BYTES = MAX_FRAME_BYTES - 64 * 1024  # room for the envelope


class LinkDown(Exception):
    """This link is of no more use; str() says why."""


class RefusedByController(LinkDown):
    pass


class NodeSide(Protocol):
    """What the link asks of the node and hands to it; all of it is called on the event loop."""

    def hello(self) -> Hello: ...
    def heartbeat(self) -> Heartbeat: ...
    def take(self, order: Order, life: int) -> None: ...
    def refuse_unknown(self, key: str, message: str) -> None: ...
    def meet(self, peers: Peers) -> None: ...
    async def tail(self, job: str, attempt: int, max_bytes: int) -> bytes: ...


class Session:
    """One welcomed connection."""

    def __init__(
        self, socket: ClientConnection, welcome: Welcome, life: int, node: NodeSide, outbox: Outbox, pulse: Pulse
    ) -> None:
        self._socket, self._welcome, self._life = socket, welcome, life
        self._node, self._outbox, self._pulse = node, outbox, pulse

    async def run(self) -> None:
        """Until the link is of no more use; raises why.

        In a task of its own: before Python 3.13 a TaskGroup in which a task fails may leave its parent counted as
        being cancelled, and then a later ``asyncio.timeout`` in that task raises CancelledError for TimeoutError. The
        caller lives on with timeouts of its own.
        """
        await asyncio.create_task(self._until_down(), name="link-session")

    async def _until_down(self) -> None:
        self._outbox.connected = True
        try:
            async with asyncio.TaskGroup() as self._tasks:
                for work in (self._receive, self._beat, self._drain, self._watch):
                    self._tasks.create_task(work(), name=f"link{work.__name__}")
        except ExceptionGroup as group:
            raise group.exceptions[0] from None

    async def _receive(self) -> None:
        while True:
            frame = await self._socket.recv()
            self._still_alive()
            self._handle(frame)

    def _handle(self, frame: bytes | str) -> None:
        try:
            message = decode_from_controller(frame)
        except (MalformedFrame, UnknownMessage) as error:
            self._skip(frame, error)
            return
        match message:
            case Order():
                self._node.take(message, self._life)
            case Ack(seq):
                self._outbox.acknowledged(seq)
            case Peers():
                self._node.meet(message)
            case ReadLog():
                self._tasks.create_task(self._answer(message))
            case Refused(reason, text):
                raise RefusedByController(f"refused, {reason}: {text}")

    def _skip(self, frame: bytes | str, error: Exception) -> None:
        """What cannot be read is not obeyed; an order is refused by its key, so that nobody waits for it."""
        log.warning("a message from the controller skipped: %s", error)
        if isinstance(frame, bytes) and (key := order_key(frame)) is not None:
            self._node.refuse_unknown(key, f"this agent cannot read the order: {error}")

    async def _answer(self, question: ReadLog) -> None:
        try:
            data = await self._node.tail(question.job, question.attempt, min(question.max_bytes, LOG_BYTES))
            reply = Reply(question.id, data)
        except Exception as error:  # a question must not cost the link
            which = attempt_id(question.job, question.attempt)
            reply = Reply(question.id, error=f"no log of {which} to be read: {error or type(error).__name__}")
        await self._send(reply)

    async def _beat(self) -> None:
        least, most = HEARTBEAT_BOUNDS_S
        every = min(max(self._welcome.heartbeat_s, least), most)
        while True:
            self._still_alive()
            await self._send(self._node.heartbeat())
            await asyncio.sleep(every)

    async def _drain(self) -> None:
        """Send what is spooled, from its beginning (the controller knows what it has), and what comes."""
        sent = 0
        while True:
            self._outbox.grown.clear()
            for pending in await self._outbox.pending(sent):
                await self._socket.send(pending.frame)
                sent = pending.seq
                self._outbox.grown.set()  # look again: there may be more than one batch
            if self._outbox.take_failure():
                raise LinkDown("the spool could not be written; beginning anew")
            await self._outbox.grown.wait()

    async def _watch(self) -> None:
        await self._pulse.over(self._life)
        self._still_alive()

    def _still_alive(self) -> None:
        if self._pulse.observe() != self._life:
            raise LinkDown("this process was suspended for a while; beginning anew")

    async def _send(self, message: FromAgent) -> None:
        await self._socket.send(encode(message))

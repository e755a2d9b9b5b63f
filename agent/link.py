"""The one connection to a controller: a WebSocket over mutual TLS, heartbeats up, orders down."""

import asyncio
import gc
import logging
import random
import ssl
from asyncio import sslproto
from collections.abc import Awaitable, Callable, Sequence

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException
from websockets.frames import CloseCode

from agent.backoff import delay
from agent.outbox import Outbox
from agent.pulse import Pulse
from agent.session import LinkDown, NodeSide, RefusedByController, Session
from wire.messages import (
    MAX_FRAME_BYTES,
    MalformedFrame,
    Refused,
    UnknownMessage,
    Welcome,
    decode_from_controller,
    encode,
)
from wire.version import Version, compatible

log = logging.getLogger(__name__)
_quiet = logging.getLogger(f"{__name__}.websockets")
_quiet.setLevel(logging.CRITICAL)  # what happens to the link is told here, in one line

PATH = "/v1/link"
OPEN_S = 3.0  # for TCP, TLS and the upgrade
ANSWER_S = 5.0  # from Hello to Welcome
PING_S, PONG_S, CLOSE_S = 1.0, 3.0, 0.5  # a controller that is gone is noticed within their sum
STEADY_S = 5.0  # a link that lasted so long ends a row of failures
TLS_BUFFER_BYTES = 32 * 1024  # two TLS records; asyncio's own is 256 KiB
REFUSED_S = 30.0  # after a refusal that trying again does not mend by itself


class Link:
    """Keeps one connection to the first controller that answers, for ever.

    ``controllers``: host and port, tried in this order. ``chance`` gives uniform numbers in [0, 1).
    """

    def __init__(
        self,
        controllers: Sequence[tuple[str, int]],
        tls: ssl.SSLContext,
        node: NodeSide,
        outbox: Outbox,
        pulse: Pulse,
        chance: Callable[[], float] = random.random,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._controllers, self._tls = controllers, tls
        self._node, self._outbox, self._pulse = node, outbox, pulse
        self._chance, self._sleep = chance, sleep
        self._tries = 0
        self._told = ""

    async def run(self) -> None:
        sslproto.SSLProtocol.max_size = TLS_BUFFER_BYTES
        while True:
            for host, port in self._controllers:
                await self._try(host, port)
            gc.collect()  # an ended connection is a ring of objects that an agent, at rest, would keep for hours
            await self._sleep(delay(self._tries, self._chance()))
            self._tries += 1

    async def _try(self, host: str, port: int) -> None:
        """One connection from its beginning to its end; whatever ends it is logged once and forgotten."""
        began = asyncio.get_running_loop().time()
        try:
            await self._hold(host, port)
        except RefusedByController as refusal:
            self._tell(f"{host}:{port}: {refusal}")
            await self._sleep(REFUSED_S * (0.5 + self._chance()))
        except (LinkDown, WebSocketException, OSError, TimeoutError) as error:
            self._tell(f"{host}:{port}: {str(error) or type(error).__name__}")
        except Exception as error:  # a bug in here must not end the agent
            self._tell(f"{host}:{port}: internal error: {type(error).__name__}: {error}")
        finally:
            self._outbox.connected = False
        if asyncio.get_running_loop().time() - began > STEADY_S:
            self._tries = 0

    async def _hold(self, host: str, port: int) -> None:
        at = f"[{host}]" if ":" in host else host
        async with connect(
            f"wss://{at}:{port}{PATH}",
            ssl=self._tls,
            max_size=MAX_FRAME_BYTES,
            compression=None,
            proxy=None,
            user_agent_header=None,
            open_timeout=OPEN_S,
            close_timeout=CLOSE_S,
            ping_interval=PING_S,
            ping_timeout=PONG_S,
            logger=_quiet,
        ) as socket:
            life = self._pulse.observe()
            welcome = await self._introduce(socket)
            log.info("linked to %s:%d, epoch %d", host, port, welcome.epoch)
            self._told = ""
            try:
                await Session(socket, welcome, life, self._node, self._outbox, self._pulse).run()
            except asyncio.CancelledError:
                await socket.close(CloseCode.GOING_AWAY, "the agent ends")
                raise

    async def _introduce(self, socket: ClientConnection) -> Welcome:
        await socket.send(encode(self._node.hello()))
        try:
            answer = decode_from_controller(await asyncio.wait_for(socket.recv(), ANSWER_S))
        except (MalformedFrame, UnknownMessage) as error:
            raise LinkDown(f"not answered as a controller does: {error}") from None
        match answer:
            case Welcome():
                await self._accept(answer)
                return answer
            case Refused(reason, message):
                raise RefusedByController(f"refused, {reason}: {message}")
            case _:
                raise LinkDown(f"answered the hello with {type(answer).__name__}")

    async def _accept(self, welcome: Welcome) -> None:
        if not compatible(welcome.version):
            raise RefusedByController(
                f"the controller speaks version {welcome.version}, this agent {Version()}; install its major version"
            )
        if welcome.epoch < self._outbox.highest_epoch:
            raise RefusedByController(
                f"epoch {welcome.epoch} is over, epoch {self._outbox.highest_epoch} was seen; "
                "this is a controller of the past"
            )
        await self._outbox.saw_epoch(welcome.epoch)

    def _tell(self, text: str) -> None:
        """Once, and not at every try."""
        if text != self._told:
            log.warning("no link: %s", text)
            self._told = text

"""The link's listener: greets agents, hands their messages to the core and reports broken connections at once."""

import asyncio
import contextlib
import logging
import socket as sockets
import ssl
from asyncio import sslproto
from http import HTTPStatus
from typing import Protocol

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from controller.link.greeting import greet, malformed
from controller.link.session import SEND_TIMEOUT_S, Session
from controller.state.live import AgentSession
from controller.trust import PeerIdentity, identify
from wire.messages import (
    MAX_FRAME_BYTES,
    Heartbeat,
    Hello,
    MalformedFrame,
    Refused,
    Reply,
    Spooled,
    UnknownMessage,
    Welcome,
    decode_from_agent,
    encode,
)

PATH = "/v1/link"
HELLO_TIMEOUT_S = 5.0
CLOSE_TIMEOUT_S = 1.0
INCOMING_FRAMES = 4  # read ahead per connection; TCP holds back the rest
TLS_BUFFER_BYTES = 32 * 1024  # two TLS records; asyncio's own 256 KiB a connection is what thousands of agents cost
POLICY_VIOLATION = 1008  # RFC 6455, section 7.4.1

log = logging.getLogger(__name__)


class Listener(Protocol):
    """What the link tells the core; called on the event loop.

    ``broken`` follows every accepted session once, unless a newer one of the same node took its place or the
    controller itself stops; nothing of a session is heard after it.
    """

    def accept(self, session: AgentSession, hello: Hello) -> Welcome | Refused: ...
    def heard(self, session: AgentSession, message: Heartbeat | Spooled) -> None: ...
    def broken(self, session: AgentSession, reason: str) -> None: ...


class LinkServer:
    """``listening`` is a bound TCP socket; ``context`` must ask for client certificates."""

    def __init__(self, core: Listener, context: ssl.SSLContext, listening: sockets.socket) -> None:
        self._core = core
        self._context = context
        self._listening = listening
        self._sessions: dict[str, Session] = {}
        self._server: Server | None = None
        self._stopping = False

    async def start(self) -> None:
        sslproto.SSLProtocol.max_size = TLS_BUFFER_BYTES
        self._server = await serve(
            self._serve,
            sock=self._listening,
            ssl=self._context,
            process_request=_only_the_link,
            origins=[None],  # browsers have no business here
            compression=None,
            max_size=MAX_FRAME_BYTES,
            max_queue=INCOMING_FRAMES,
            open_timeout=HELLO_TIMEOUT_S,
            close_timeout=CLOSE_TIMEOUT_S,
            ping_interval=None,  # heartbeats tell
            server_header=None,
            logger=_one_line_logger(),
        )

    async def stop(self) -> None:
        """Close every connection. Our own end is no agent's fault: nothing is reported broken."""
        if self._server is None:
            return
        self._stopping = True
        self._server.close()
        try:
            async with asyncio.timeout(CLOSE_TIMEOUT_S):
                await self._server.wait_closed()
        except TimeoutError:
            for session in list(self._sessions.values()):
                session.close("the controller stops")
            await self._server.wait_closed()

    async def _serve(self, socket: ServerConnection) -> None:
        try:
            await self._receive(socket)
        except Exception:
            log.exception("a connection from %s broke the controller's own code", _address(socket))
            socket.transport.abort()

    async def _receive(self, socket: ServerConnection) -> None:
        peer = _identity(socket)
        if peer is None:
            await _refuse(socket, "?", malformed("certificate: not a node's; join with a token"))
            return
        session = Session(peer, socket)
        answer = await self._greet(session, socket, peer)
        if isinstance(answer, Refused):
            await _refuse(socket, peer.node, answer)
        elif answer is not None:
            await self._admit(session, socket, answer)

    async def _greet(self, session: Session, socket: ServerConnection, peer: PeerIdentity) -> Welcome | Refused | None:
        """None: it has gone. A hello may be large, and is let go: a connection lasts."""
        hello = await _first_word(socket, peer)
        return self._core.accept(session, hello) if isinstance(hello, Hello) else hello

    async def _admit(self, session: Session, socket: ServerConnection, answer: Welcome) -> None:
        """The core knows the certificate in force: only a session it accepts takes an older one's place."""
        self._take_place(session)
        end: str | Refused = "an error in the controller"
        try:
            end = await self._converse(session, socket, answer)
        finally:
            self._leave(session, end if isinstance(end, str) else end.message)
        if isinstance(end, Refused):
            await _refuse(socket, session.node, end)

    async def _converse(self, session: Session, socket: ServerConnection, welcome: Welcome) -> str | Refused:
        """Until the end, and why it came. The welcome is the first frame, whatever is queued already."""
        try:
            async with asyncio.timeout(SEND_TIMEOUT_S):
                await socket.send(encode(welcome))
        except (ConnectionClosed, TimeoutError) as error:
            return session.closed_because or f"no welcome could be sent: {type(error).__name__}"
        writer = asyncio.create_task(session.write())
        try:
            return await self._read(session, socket)
        finally:
            writer.cancel()

    async def _read(self, session: Session, socket: ServerConnection) -> str | Refused:
        try:
            while True:
                refused = self._take(session, await socket.recv())
                if refused is not None:
                    return refused
        except ConnectionClosed as error:
            return session.closed_because or _why_closed(error)

    def _take(self, session: Session, frame: bytes | str) -> Refused | None:
        try:
            message = decode_from_agent(frame)
        except UnknownMessage as error:
            log.debug("node %s: skipped: %s", session.node, error)
            return None
        except MalformedFrame as error:
            return malformed(str(error))
        if isinstance(message, Hello):
            return malformed("hello: it is said once, at the beginning")
        if isinstance(message, Reply):
            session.answer(message)
        elif self._sessions.get(session.node) is session and not session.closed_because:
            self._core.heard(session, message)
        return None

    def _take_place(self, session: Session) -> None:
        older = self._sessions.get(session.node)
        self._sessions[session.node] = session
        log.info("node %s: connected", session.node)
        if older is not None:
            older.close("replaced by a newer connection of the same node")

    def _leave(self, session: Session, reason: str) -> None:
        log.info("node %s: connection ended: %s", session.node, reason)
        session.end(reason)
        if self._sessions.get(session.node) is session:
            del self._sessions[session.node]
            if not self._stopping:
                self._core.broken(session, reason)


def _identity(socket: ServerConnection) -> PeerIdentity | None:
    transport_security: ssl.SSLObject | None = socket.transport.get_extra_info("ssl_object")
    certificate = transport_security.getpeercert(binary_form=True) if transport_security else None
    return identify(certificate) if certificate else None


async def _first_word(socket: ServerConnection, peer: PeerIdentity) -> Hello | Refused | None:
    """None when there is nobody left to answer to."""
    try:
        async with asyncio.timeout(HELLO_TIMEOUT_S):
            return greet(await socket.recv(), peer)
    except TimeoutError:
        return malformed(f"no hello within {HELLO_TIMEOUT_S:g} s")
    except ConnectionClosed as error:
        log.info("node %s: gone before its hello: %s", peer.node, _why_closed(error))
        return None


async def _refuse(socket: ServerConnection, node: str, refused: Refused) -> None:
    log.warning("node %s at %s: refused: %s: %s", node, _address(socket), refused.reason, refused.message)
    try:
        async with asyncio.timeout(CLOSE_TIMEOUT_S):
            with contextlib.suppress(ConnectionClosed):
                await socket.send(encode(refused))
                await socket.close(POLICY_VIOLATION, refused.reason)
    except TimeoutError:
        socket.transport.abort()


def _address(socket: ServerConnection) -> str:
    peer = socket.transport.get_extra_info("peername")
    return str(peer[0]) if peer else "an address unknown"


def _why_closed(error: ConnectionClosed) -> str:
    if error.rcvd is not None and error.rcvd_then_sent:
        return f"closed by the agent ({error.rcvd.code} {error.rcvd.reason})".replace(" )", ")")
    cause = error.__cause__
    if error.sent is not None:
        return f"closed by the controller ({error.sent.code} {error.sent.reason})".replace(" )", ")")
    return f"connection broken ({cause})" if cause is not None and str(cause) else "connection broken"


def _only_the_link(connection: ServerConnection, request: Request) -> Response | None:
    if request.path == PATH:
        return None
    return connection.respond(HTTPStatus.NOT_FOUND, f"only {PATH} is served here\n")


class _OneLine(logging.Filter):
    """What a peer does wrong in the opening handshake is one line, not a traceback."""

    def filter(self, record: logging.LogRecord) -> bool:
        if record.exc_info:
            record.msg, record.args = f"{record.getMessage()}: {record.exc_info[1]}", None
            record.exc_info = None
        return True


def _one_line_logger() -> logging.Logger:
    logger = logging.getLogger(f"{__name__}.handshake")
    logger.setLevel(logging.WARNING)
    if not logger.filters:
        logger.addFilter(_OneLine())
    return logger

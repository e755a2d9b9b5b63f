"""HTTP/1.1 for one page, by h11 on the agent's own event loop: GET and HEAD of /metrics, connections kept open."""

import asyncio
import gzip
from collections.abc import Callable
from contextlib import suppress
from http import HTTPStatus

import h11

from agent.metrics.formats import Format, negotiate, takes_gzip

PATH = b"/metrics"
IDLE_S = 330.0  # Prometheus keeps an idle connection for five minutes
ANSWER_S = 10.0  # for the client to take its answer
CONNECTIONS = 32
LARGEST = 16 * 1024  # of a request's head
CHUNK = 4096
LEVEL = 1  # of gzip: a page of 100 KiB shrinks to a twentieth in 0.2 ms

Render = Callable[[Format], bytes]
Answer = tuple[HTTPStatus, list[tuple[str, str]], bytes]


class PageServer:
    """``render`` writes the page. More clients than :data:`CONNECTIONS` are turned away."""

    def __init__(self, render: Render) -> None:
        self._render = render
        self._open = 0

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, until either side ends it."""
        self._open += 1
        try:
            if self._open <= CONNECTIONS:
                with suppress(OSError, TimeoutError):
                    await self._converse(reader, writer)
        finally:
            self._open -= 1
            writer.close()
            with suppress(OSError, TimeoutError):
                await asyncio.wait_for(writer.wait_closed(), ANSWER_S)

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = h11.Connection(h11.SERVER, max_incomplete_event_size=LARGEST)
        while True:
            try:
                request = await asyncio.wait_for(_request(connection, reader), IDLE_S)
            except h11.RemoteProtocolError as error:
                await _refuse(connection, writer, error)
                return
            if request is None:
                return
            await _send(connection, writer, answer(request, self._render), request.method != b"HEAD")
            if connection.our_state is not h11.DONE or connection.their_state is not h11.DONE:
                return
            connection.start_next_cycle()


def answer(request: h11.Request, render: Render) -> Answer:
    path = request.target.partition(b"?")[0]
    if path != PATH:
        return _plain(HTTPStatus.NOT_FOUND, "no such page; /metrics is the only one")
    if request.method not in (b"GET", b"HEAD"):
        status, headers, body = _plain(HTTPStatus.METHOD_NOT_ALLOWED, "GET or HEAD")
        return status, [*headers, ("Allow", "GET, HEAD")], body
    format_ = negotiate(_header(request, b"accept"))
    body = render(format_)
    headers = [("Content-Type", format_.value), ("Vary", "Accept, Accept-Encoding")]
    if takes_gzip(_header(request, b"accept-encoding")):
        return HTTPStatus.OK, [*headers, ("Content-Encoding", "gzip")], gzip.compress(body, LEVEL, mtime=0)
    return HTTPStatus.OK, headers, body


def _plain(status: HTTPStatus, text: str) -> Answer:
    return status, [("Content-Type", "text/plain; charset=utf-8")], f"{text}\n".encode()


def _header(request: h11.Request, name: bytes) -> str:
    """One that comes twice counts as one list."""
    return ",".join(value.decode("latin-1") for each, value in request.headers if each == name)


async def _request(connection: h11.Connection, reader: asyncio.StreamReader) -> h11.Request | None:
    """The next one, its body read and thrown away; None at the end. Raises h11.RemoteProtocolError."""
    request: h11.Request | None = None
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            connection.receive_data(await reader.read(CHUNK))
        elif isinstance(event, h11.Request):
            request = event
        elif isinstance(event, h11.EndOfMessage):
            return request
        elif isinstance(event, h11.ConnectionClosed) or event is h11.PAUSED:
            return None


async def _send(connection: h11.Connection, writer: asyncio.StreamWriter, answer_: Answer, body: bool = True) -> None:
    """Without ``body``: what HEAD asks for."""
    status, headers, content = answer_
    head = [*headers, ("Content-Length", str(len(content)))]
    events: list[h11.Event] = [h11.Response(status_code=status, reason=status.phrase.encode(), headers=head)]
    events += [h11.Data(data=content)] if body else []
    writer.write(b"".join(connection.send(event) or b"" for event in [*events, h11.EndOfMessage()]))
    await asyncio.wait_for(writer.drain(), ANSWER_S)


async def _refuse(connection: h11.Connection, writer: asyncio.StreamWriter, error: h11.RemoteProtocolError) -> None:
    if connection.our_state in (h11.IDLE, h11.SEND_RESPONSE):
        await _send(connection, writer, _plain(HTTPStatus(error.error_status_hint), "not understood"))

"""The page over HTTP: what is asked, what comes back, and who gets nothing."""

import asyncio
import gzip
import ssl
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import h11
import pytest

from agent.metrics import http, listening
from agent.metrics.formats import Format
from agent.metrics.http import PageServer
from agent.metrics.listening import server_context
from agent.metrics.options import Exposure
from agent.metrics.page import Page

Run = Callable[[Awaitable[Any]], Any]
PAGES = {Format.TEXT: b"plain 1\n", Format.OPENMETRICS: b"open 1\n# EOF\n"}
GET = b"GET /metrics HTTP/1.1\r\nHost: n1\r\n"


class Client:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer, self.http = reader, writer, h11.Connection(h11.CLIENT)

    async def ask(self, method: str = "GET", target: str = "/metrics", **headers: str) -> tuple[h11.Response, bytes]:
        given = [("Host", "n1"), *((name.replace("_", "-"), value) for name, value in headers.items())]
        request = h11.Request(method=method, target=target, headers=given)
        self.writer.write((self.http.send(request) or b"") + (self.http.send(h11.EndOfMessage()) or b""))
        response, body = await self._answer()
        if self.http.our_state is h11.DONE and self.http.their_state is h11.DONE:
            self.http.start_next_cycle()
        return response, body

    async def _answer(self) -> tuple[h11.Response, bytes]:
        response, body = None, b""
        while True:
            event = self.http.next_event()
            if event is h11.NEED_DATA:
                self.http.receive_data(await self.reader.read(65536))
            elif isinstance(event, h11.Response):
                response = event
            elif isinstance(event, h11.Data):
                body += event.data
            elif isinstance(event, h11.EndOfMessage):
                assert response is not None
                return response, body


def header(response: h11.Response, name: bytes) -> bytes:
    return b",".join(value for each, value in response.headers if each == name)


async def with_server(scene: Callable[[int], Awaitable[None]], context: ssl.SSLContext | None = None) -> None:
    server = await asyncio.start_server(PageServer(PAGES.__getitem__), "127.0.0.1", 0, ssl=context)
    async with server:
        await scene(server.sockets[0].getsockname()[1])


async def connected(port: int, context: ssl.SSLContext | None = None) -> Client:
    return Client(*await asyncio.open_connection("127.0.0.1", port, ssl=context))


@pytest.fixture
def with_client(run: Run) -> Callable[[Callable[[Client], Awaitable[None]]], None]:
    async def play(scene: Callable[[Client], Awaitable[None]]) -> None:
        async def on(port: int) -> None:
            client = await connected(port)
            await scene(client)
            client.writer.close()

        await with_server(on)

    return lambda scene: run(play(scene))


def test_one_connection_for_many_scrapes(with_client: Any) -> None:
    async def scene(client: Client) -> None:
        for _ in range(3):
            response, body = await client.ask(accept="application/openmetrics-text;version=1.0.0")
            assert response.status_code == 200
            assert header(response, b"content-type") == Format.OPENMETRICS.encode()
            assert body == PAGES[Format.OPENMETRICS]

    with_client(scene)


def test_gzip_for_who_takes_it(with_client: Any) -> None:
    async def scene(client: Client) -> None:
        response, body = await client.ask(accept_encoding="gzip")
        assert header(response, b"content-encoding") == b"gzip"
        assert gzip.decompress(body) == PAGES[Format.TEXT]
        response, body = await client.ask()
        assert header(response, b"content-encoding") == b""
        assert body == PAGES[Format.TEXT]

    with_client(scene)


def test_head_tells_the_length_and_sends_nothing(with_client: Any) -> None:
    async def scene(client: Client) -> None:
        response, body = await client.ask("HEAD")
        assert (response.status_code, body) == (200, b"")
        assert header(response, b"content-length") == str(len(PAGES[Format.TEXT])).encode()
        assert (await client.ask())[1] == PAGES[Format.TEXT]

    with_client(scene)


@pytest.mark.parametrize(
    ("method", "target", "status"),
    [
        ("GET", "/", 404),
        ("GET", "/metrics/", 404),
        ("GET", "/%6detrics", 404),
        ("GET", "/metrics?name[]=up", 200),
        ("POST", "/metrics", 405),
        ("DELETE", "/metrics", 405),
        ("POST", "/", 404),
    ],
)
def test_what_else_is_asked(with_client: Any, method: str, target: str, status: int) -> None:
    async def scene(client: Client) -> None:
        response, _ = await client.ask(method, target)
        assert response.status_code == status
        assert (await client.ask())[0].status_code == 200

    with_client(scene)


@pytest.mark.parametrize(
    "said",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 a TLS hello\r\n\r\n",
        b"GET /metrics HTTP/1.1\r\n\r\n",
        GET + b"X: " + b"x" * 2 * http.LARGEST + b"\r\n\r\n",
        GET + b"Content-Length: -1\r\n\r\n",
    ],
)
def test_what_is_no_request_ends_the_connection(with_client: Any, said: bytes) -> None:
    async def scene(client: Client) -> None:
        client.writer.write(said)
        answer = await client.reader.read()
        assert answer.startswith((b"HTTP/1.1 4", b"HTTP/1.1 505"))

    with_client(scene)


def test_a_client_that_goes_away_in_the_middle_is_forgotten(with_client: Any) -> None:
    async def scene(client: Client) -> None:
        client.writer.write(GET)
        client.writer.write_eof()
        assert b"200" not in await client.reader.read()

    with_client(scene)


def test_old_clients_are_answered_and_hung_up_on(with_client: Any) -> None:
    async def scene(client: Client) -> None:
        client.writer.write(b"GET /metrics HTTP/1.0\r\n\r\n")
        assert (await client.reader.read()).endswith(PAGES[Format.TEXT])

    with_client(scene)


def test_a_crowd_is_turned_away_and_those_before_are_served(run: Run) -> None:
    async def scene(port: int) -> None:
        first = [await connected(port) for _ in range(http.CONNECTIONS)]
        for client in first:
            await client.ask()
        late = await connected(port)
        assert await late.reader.read() == b""
        assert (await first[0].ask())[0].status_code == 200
        first.pop().writer.close()
        for client in [*first, late]:
            client.writer.close()

    run(with_server(scene))


def test_idle_connections_end(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "IDLE_S", 0.05)

    async def scene(port: int) -> None:
        client = await connected(port)
        assert await client.reader.read() == b""
        client.writer.close()

    run(with_server(scene))


# mutual TLS


@pytest.fixture
def secured(authority: Any, tmp_path: Path) -> Exposure:
    own = authority.identity("n1")
    for name, text in (("certificate", own.certificate), ("key", own.key), ("client_ca", own.ca)):
        (tmp_path / name).write_text(text)
    files = {name: str(tmp_path / name) for name in ("certificate", "key", "client_ca")}
    return Exposure(listen="0.0.0.0:9105", **files)


def client_context(authority: Any, place: Path, proves: bool) -> ssl.SSLContext:
    context = ssl.create_default_context(cadata=authority.pem)
    if proves:
        identity = authority.identity("prometheus")
        (place / "client.pem").write_text(identity.key + identity.certificate)
        context.load_cert_chain(place / "client.pem")
    return context


def test_who_proves_itself_is_shown_the_page(run: Run, secured: Exposure, authority: Any, tmp_path: Path) -> None:
    async def scene(port: int) -> None:
        client = await connected(port, client_context(authority, tmp_path, proves=True))
        assert (await client.ask())[1] == PAGES[Format.TEXT]
        client.writer.close()

    run(with_server(scene, server_context(secured)))


@pytest.mark.parametrize("stranger", [True, False])
def test_who_does_not_is_shown_nothing(
    run: Run, secured: Exposure, authority: Any, make_authority: Any, tmp_path: Path, stranger: bool
) -> None:
    trust = client_context(authority, tmp_path, proves=False)
    if stranger:
        identity = make_authority().identity("prometheus")
        (tmp_path / "other.pem").write_text(identity.key + identity.certificate)
        trust.load_cert_chain(tmp_path / "other.pem")

    async def scene(port: int) -> None:
        client = await connected(port, trust)  # under TLS 1.3 the client is done before the server has looked
        client.writer.write(GET + b"\r\n")
        with suppress(ssl.SSLError, ConnectionError):
            assert await client.reader.read() == b""
        client.writer.close()

    run(with_server(scene, server_context(secured)))


@pytest.mark.parametrize("name", ["certificate", "client_ca"])
def test_a_file_that_is_none_is_named(secured: Exposure, name: str) -> None:
    path = Path(getattr(secured, name))
    path.write_text("nothing")
    with pytest.raises(OSError, match=str(path)):
        server_context(secured)
    path.unlink()
    with pytest.raises(OSError, match=f"{path}: No such file"):
        server_context(secured)


# listening


def test_what_keeps_it_from_listening_is_told_once_and_tried_again(run: Run, caplog: pytest.LogCaptureFixture) -> None:
    class Enough(Exception):
        pass

    tries: list[float] = []

    async def sleep(seconds: float) -> None:
        tries.append(seconds)
        if len(tries) == 3:
            raise Enough

    async def story() -> None:
        taken = await asyncio.start_server(lambda _reader, _writer: None, "127.0.0.1", 0)
        async with taken:
            port = taken.sockets[0].getsockname()[1]
            page = Page(dict, dict, lambda _left: [])
            with pytest.raises(Enough):
                await listening.listen(Exposure(listen=f"127.0.0.1:{port}"), page, sleep)

    run(story())
    assert tries == [listening.AGAIN_S] * 3
    [record] = caplog.records
    assert "metrics.listen 127.0.0.1:" in record.message
    assert "in use" in record.message

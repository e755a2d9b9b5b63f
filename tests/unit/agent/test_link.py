"""The link against a small real controller: a WebSocket server over mutual TLS."""

import asyncio
import gc
import logging
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from websockets.asyncio.client import ClientConnection
from websockets.asyncio.server import ServerConnection, serve

from agent import identity
from agent.link import Link
from agent.outbox import Outbox
from agent.pulse import Pulse
from agent.spool import Spool
from wire.messages import (
    Ack,
    FromAgent,
    FromController,
    Heartbeat,
    Hello,
    ReadLog,
    RefusalReason,
    Refused,
    Reply,
    Spooled,
    Welcome,
    decode_from_agent,
    encode,
)
from wire.orders import Order, Outcome, OutcomeReason, OutcomeStatus, ValidateNode
from wire.version import Version

Run = Callable[[Awaitable[Any]], Any]
WELCOME = Welcome(Version(), epoch=3, heartbeat_s=0.05)


class Controller:
    """Answers each hello with ``answer``; what it hears and who is connected is for the test to look at."""

    def __init__(self, context: ssl.SSLContext, answer: FromController = WELCOME) -> None:
        self.context, self.answer = context, answer
        self.heard: list[FromAgent] = []
        self.connections: list[ServerConnection] = []
        self._more = asyncio.Event()

    @asynccontextmanager
    async def listening(self, port: int = 0) -> AsyncIterator[int]:
        quiet = logging.getLogger("test.controller")
        quiet.setLevel(logging.CRITICAL)
        async with serve(self._serve, "127.0.0.1", port, ssl=self.context, close_timeout=0.2, logger=quiet) as server:
            yield next(iter(server.sockets)).getsockname()[1]

    async def _serve(self, connection: ServerConnection) -> None:
        assert connection.request is not None
        assert connection.request.path == "/v1/link"
        self._note(decode_from_agent(await connection.recv()))
        await connection.send(encode(self.answer))
        self.connections.append(connection)
        async for frame in connection:
            self._note(decode_from_agent(frame))

    def _note(self, message: FromAgent) -> None:
        self.heard.append(message)
        self._more.set()

    async def until(self, kind: type[Any], count: int = 1) -> list[Any]:
        while True:
            found = [message for message in self.heard if isinstance(message, kind)]
            if len(found) >= count:
                return found
            self._more.clear()
            await self._more.wait()

    async def say(self, message: FromController | bytes) -> None:
        await self.connections[-1].send(message if isinstance(message, bytes) else encode(message))


class Node:
    def __init__(self) -> None:
        self.orders: list[tuple[Order, int]] = []
        self.unknown: list[str] = []
        self.ordered = asyncio.Event()

    def hello(self) -> Hello:
        return Hello(Version(), "n1", "0.1.0", "instance", "boot", "127.0.0.1", highest_epoch=0)

    def heartbeat(self) -> Heartbeat:
        return Heartbeat(datetime.now(UTC))

    def take(self, order: Order, life: int) -> None:
        self.orders.append((order, life))
        self.ordered.set()

    def refuse_unknown(self, key: str, message: str) -> None:
        self.unknown.append(key)
        self.ordered.set()

    async def tail(self, job: str, attempt: int, max_bytes: int) -> bytes:
        if job != "job-1":
            raise FileNotFoundError(job)
        return b"the last words"[-max_bytes:]


class Stage:
    def __init__(self, place: Path, spool: Spool, outbox: Outbox, clock: Any) -> None:
        self.place, self.spool, self.clock = place, spool, clock
        self.node, self.outbox, self.pulse = Node(), outbox, Pulse(clock)
        self.slept: list[float] = []

    @asynccontextmanager
    async def linking(self, *ports: int) -> AsyncIterator[None]:
        tls = identity.client_context(self.place)
        controllers = [("127.0.0.1", port) for port in ports]
        link = Link(controllers, tls, self.node, self.outbox, self.pulse, chance=lambda: 0.5, sleep=self._sleep)
        task = asyncio.create_task(link.run())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            self.outbox.close()

    async def _sleep(self, seconds: float) -> None:
        """Long waits are noted and cut short."""
        self.slept.append(seconds)
        await asyncio.sleep(min(seconds, 0.05))


@pytest.fixture
def server_tls(authority: Any, tmp_path: Path) -> ssl.SSLContext:
    context: ssl.SSLContext = authority.server_context(tmp_path)
    return context


@pytest.fixture
def stage(tmp_path: Path, authority: Any, spool: Spool, outbox: Outbox, clock: Any) -> Stage:
    identity.store(tmp_path / "state", authority.identity("n1"))
    return Stage(tmp_path / "state", spool, outbox, clock)


def outcome(key: str) -> Outcome:
    return Outcome(key, OutcomeStatus.DONE, OutcomeReason.OK)


def test_hello_welcome_heartbeats(run: Run, stage: Stage, server_tls: ssl.SSLContext) -> None:
    async def story() -> None:
        controller = Controller(server_tls)
        async with controller.listening() as port, stage.linking(port):
            (hello,) = await controller.until(Hello)
            assert hello.node == "n1"
            await controller.until(Heartbeat, 3)
            assert stage.outbox.highest_epoch == 3

    run(story())


def test_the_spool_is_replayed_in_order_until_acknowledged(run: Run, stage: Stage, server_tls: ssl.SSLContext) -> None:
    async def story() -> None:
        for number in range(1, 6):
            stage.spool.append(outcome(str(number)))
        controller = Controller(server_tls)
        async with controller.listening() as port, stage.linking(port):
            first = await controller.until(Spooled, 5)
            assert [message.seq for message in first] == [1, 2, 3, 4, 5]
            await controller.say(Ack(3))
            stage.outbox.post(outcome("6"))
            await controller.until(Spooled, 6)
            await controller.connections[-1].close()
            await controller.until(Spooled, 9)
            again = [message for message in controller.heard if isinstance(message, Spooled)][6:]
            assert [message.seq for message in again] == [4, 5, 6]

    run(story())


def test_a_long_spool_is_replayed_whole(run: Run, stage: Stage, server_tls: ssl.SSLContext) -> None:
    async def story() -> None:
        for number in range(600):
            stage.spool.append(outcome(str(number)))
        controller = Controller(server_tls)
        async with controller.listening() as port, stage.linking(port):
            found = await controller.until(Spooled, 600)
            assert [message.seq for message in found] == list(range(1, 601))

    run(story())


def test_orders_questions_and_what_cannot_be_read(run: Run, stage: Stage, server_tls: ssl.SSLContext) -> None:
    async def story() -> None:
        controller = Controller(server_tls)
        order = Order("k", 3, ValidateNode(), decision=1)
        unknown = msgspec.msgpack.encode(
            {"type": "order", "key": "u", "epoch": 3, "decision": 1, "kind": {"type": "x"}}
        )
        broken = msgspec.msgpack.encode({"type": "order", "key": "b", "epoch": "many"})
        async with controller.listening() as port, stage.linking(port):
            await controller.until(Heartbeat)
            for frame in (b"\xc1 no MessagePack", msgspec.msgpack.encode({"type": "from the future"}), unknown, broken):
                await controller.say(frame)
            await controller.say(ReadLog(7, "job-1", 1, 10_000))
            await controller.say(ReadLog(8, "job-2", 1, 10_000))
            await controller.say(order)
            replies = await controller.until(Reply, 2)
            while not stage.node.orders:
                stage.node.ordered.clear()
                await stage.node.ordered.wait()
        assert stage.node.orders == [(order, 0)]
        assert stage.node.unknown == ["u", "b"]
        answers = {reply.id: reply for reply in replies}
        assert answers[7].data == b"the last words"
        assert "job-2.1" in answers[8].error
        assert len(controller.connections) == 1  # the link was held through all of it

    run(story())


def test_comes_back_when_the_controller_does(run: Run, stage: Stage, server_tls: ssl.SSLContext) -> None:
    async def story() -> None:
        first, second = Controller(server_tls), Controller(server_tls)
        async with first.listening() as port:
            linking = stage.linking(port)
            await linking.__aenter__()
            await first.until(Heartbeat)
        async with second.listening(port):
            await second.until(Heartbeat)
            await linking.__aexit__(None, None, None)

    run(story())


def test_a_connection_that_ended_is_let_go(run: Run, stage: Stage, server_tls: ssl.SSLContext) -> None:
    """An agent at rest makes so few objects that its garbage would lie for hours, a buffer of TLS with each."""

    def links() -> int:
        return sum(type(each) is ClientConnection for each in gc.get_objects())

    async def story() -> None:
        gc.disable()
        try:
            before = links()
            controller = Controller(server_tls)
            async with controller.listening() as port, stage.linking(port):
                for count in range(1, 4):
                    await controller.until(Hello, count)
                    await controller.until(Heartbeat, count)
                    controller.connections[-1].transport.abort()
                await controller.until(Hello, 4)
                assert links() - before <= 2  # the one that lasts, and one that ends just now
        finally:
            gc.enable()

    run(story())


@asynccontextmanager
async def mute(port: int) -> AsyncIterator[asyncio.Semaphore]:
    """Accepts connections, as the kernel does for a stopped process, and never says a word; released for each."""
    accepted = asyncio.Semaphore(0)
    ends: list[asyncio.StreamWriter] = []

    async def hold(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        ends.append(writer)
        accepted.release()

    server = await asyncio.start_server(hold, "127.0.0.1", port)
    try:
        yield accepted
    finally:
        server.close()
        for end in ends:
            end.transport.abort()


def test_comes_back_after_a_controller_that_accepts_and_says_nothing(
    run: Run, stage: Stage, server_tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The time-out of a connection, in a link whose session has failed before, is no cancellation of the link."""
    monkeypatch.setattr("agent.link.OPEN_S", 0.2)

    async def story() -> None:
        first, second = Controller(server_tls), Controller(server_tls)
        async with first.listening() as port:
            linking = stage.linking(port)
            await linking.__aenter__()
            await first.until(Heartbeat)
        async with mute(port) as accepted:
            for _ in range(2):
                await asyncio.wait_for(accepted.acquire(), 5.0)
        async with second.listening(port):
            await asyncio.wait_for(second.until(Heartbeat), 5.0)
            await linking.__aexit__(None, None, None)

    run(story())


def test_the_first_controller_that_answers_is_taken(run: Run, stage: Stage, server_tls: ssl.SSLContext) -> None:
    async def story() -> None:
        controller = Controller(server_tls)
        async with controller.listening() as port, stage.linking(1, port):
            await controller.until(Heartbeat)

    run(story())


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (Refused(RefusalReason.OTHER_MAJOR_VERSION, "install 2.x"), "other_major_version: install 2.x"),
        (Welcome(Version(99, 0), 3, 1.0), "speaks version 99.0"),
        (Welcome(Version(), 1, 1.0), "epoch 1 is over"),
    ],
)
def test_a_refusal_is_said_once_and_waited_out(
    run: Run,
    stage: Stage,
    server_tls: ssl.SSLContext,
    caplog: pytest.LogCaptureFixture,
    answer: FromController,
    said: str,
) -> None:
    async def story() -> None:
        await stage.outbox.saw_epoch(2)
        controller = Controller(server_tls, answer)
        async with controller.listening() as port, stage.linking(port):
            await controller.until(Hello, 3)
        assert max(stage.slept) >= 15
        assert not any(isinstance(message, Heartbeat) for message in controller.heard)

    run(story())
    complaints = [record.getMessage() for record in caplog.records if said in record.getMessage()]
    assert len(complaints) == 1


def test_a_suspension_drops_the_link_before_an_order_is_taken(
    run: Run, stage: Stage, server_tls: ssl.SSLContext
) -> None:
    async def story() -> None:
        controller = Controller(server_tls)
        async with controller.listening() as port, stage.linking(port):
            await controller.until(Heartbeat)
            stage.clock.seconds += 10
            await controller.say(Order("stale", 3, ValidateNode(), decision=1))
            await controller.until(Hello, 2)
            assert stage.node.orders == []

    run(story())


@asynccontextmanager
async def cable(port: int) -> AsyncIterator[tuple[int, asyncio.Event]]:
    """A way to ``port``; once the event is set it carries nothing any more and breaks nothing; a new one does."""
    cut = asyncio.Event()
    ends: list[asyncio.StreamWriter] = []

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, until: asyncio.Event) -> None:
        while (some := await reader.read(65536)) and not until.is_set():
            writer.write(some)

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        mine = asyncio.Event() if cut.is_set() else cut
        there_reader, there_writer = await asyncio.open_connection("127.0.0.1", port)
        ends.extend((writer, there_writer))
        await asyncio.gather(pump(reader, there_writer, mine), pump(there_reader, writer, mine), return_exceptions=True)
        for end in (writer, there_writer):
            end.close()

    server = await asyncio.start_server(carry, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1], cut
    finally:
        server.close()
        for end in ends:
            end.transport.abort()
        await asyncio.gather(*(end.wait_closed() for end in ends), return_exceptions=True)


def test_a_silent_controller_is_noticed(run: Run, stage: Stage, server_tls: ssl.SSLContext) -> None:
    async def story() -> None:
        controller = Controller(server_tls)
        async with controller.listening() as behind, cable(behind) as (port, cut), stage.linking(port):
            await controller.until(Heartbeat)
            cut.set()
            await asyncio.wait_for(controller.until(Hello, 2), 5.0)

    run(story())


def test_a_controller_of_another_authority_is_not_spoken_to(
    run: Run,
    stage: Stage,
    make_authority: Callable[[], Any],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def story() -> None:
        (tmp_path / "other").mkdir()
        controller = Controller(make_authority().server_context(tmp_path / "other", clients=False))
        async with controller.listening() as port, stage.linking(port):
            while len(stage.slept) < 2:
                await asyncio.sleep(0.01)
        assert controller.heard == []

    run(story())
    assert "certificate verify failed" in caplog.text


def test_a_controller_under_another_name_is_not_spoken_to(
    run: Run, stage: Stage, authority: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def story() -> None:
        controller = Controller(authority.server_context(tmp_path, address="127.0.0.99"))
        async with controller.listening() as port, stage.linking(port):
            while len(stage.slept) < 2:
                await asyncio.sleep(0.01)
        assert controller.heard == []

    run(story())
    assert "IP address mismatch" in caplog.text

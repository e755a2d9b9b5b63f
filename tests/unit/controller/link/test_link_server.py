import asyncio
import contextlib
import gc
import logging
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import msgspec
import pytest
from msgspec.structs import replace
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException

from controller.errors import Unavailable
from controller.link import LinkServer, Session
from controller.state.live import AgentSession
from controller.trust import Trust
from wire.attempts import PartState, PartStatus, RankProgress
from wire.messages import (
    MAX_FRAME_BYTES,
    Ack,
    FromController,
    Heartbeat,
    Hello,
    ReadLog,
    RefusalReason,
    Refused,
    Reply,
    Spooled,
    Welcome,
    decode_from_controller,
    encode,
)
from wire.version import MAJOR, Version

DEADLINE_S = 10.0
NodeContext = Callable[[str], ssl.SSLContext]


class Record:
    """A core that remembers what it was told; ``current`` is the only certificate it accepts, where set."""

    def __init__(self) -> None:
        self.told: asyncio.Queue[tuple[str, object]] = asyncio.Queue()
        self.sessions: list[AgentSession] = []
        self.current: str | None = None
        self.greeting: list[FromController] = []

    def accept(self, session: AgentSession, hello: Hello) -> Welcome | Refused:
        if self.current is not None and session.fingerprint != self.current:
            return Refused(RefusalReason.CERTIFICATE_SUPERSEDED, "a newer certificate was made")
        self.sessions.append(session)
        self.told.put_nowait(("accept", hello.instance))
        for message in self.greeting:
            session.send(message)
        return Welcome(Version(), epoch=7, heartbeat_s=1.0)

    def heard(self, session: AgentSession, message: Heartbeat | Spooled) -> None:
        self.told.put_nowait(("heard", type(message).__name__))

    def broken(self, session: AgentSession, reason: str) -> None:
        self.told.put_nowait(("broken", reason))

    async def next(self) -> tuple[str, object]:
        async with asyncio.timeout(DEADLINE_S):
            return await self.told.get()


class Link:
    def __init__(self, core: Record, port: int, contexts: NodeContext, trust: Trust) -> None:
        self.core, self.port, self.contexts, self.trust = core, port, contexts, trust

    @asynccontextmanager
    async def connected(self, context: ssl.SSLContext, path: str = "/v1/link") -> AsyncIterator[ClientConnection]:
        uri = f"wss://localhost:{self.port}{path}"
        async with connect(uri, ssl=context, compression=None, ping_interval=None, close_timeout=1) as agent:
            yield agent

    @asynccontextmanager
    async def agent(self, node: str = "n1") -> AsyncIterator[ClientConnection]:
        """One that has been welcomed."""
        async with self.connected(self.contexts(node)) as agent:
            await agent.send(encode(hello(node)))
            assert isinstance(await said(agent), Welcome)
            assert await self.core.next() == ("accept", "i1")
            yield agent


def hello(node: str = "n1", version: Version | None = None) -> Hello:
    return Hello(version or Version(), node, "0.1.0", "i1", "boot", "127.0.0.1", highest_epoch=0)


async def said(agent: ClientConnection) -> FromController:
    async with asyncio.timeout(DEADLINE_S):
        return decode_from_controller(await agent.recv())


async def gone(agent: ClientConnection) -> None:
    async with asyncio.timeout(DEADLINE_S):
        await agent.wait_closed()


@pytest.fixture
def with_link(trust: Trust, node_context: NodeContext) -> Callable[[Callable[[Link], Awaitable[None]]], None]:
    def play(scene: Callable[[Link], Awaitable[None]]) -> None:
        asyncio.run(_play(scene, trust, node_context))

    return play


async def _play(scene: Callable[[Link], Awaitable[None]], trust: Trust, contexts: NodeContext) -> None:
    core = Record()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = LinkServer(core, trust.link_context(), listening)
        await server.start()
        try:
            await scene(Link(core, listening.getsockname()[1], contexts, trust))
        finally:
            async with asyncio.timeout(DEADLINE_S):
                await server.stop()


Play = Callable[[Callable[[Link], Awaitable[None]]], None]


def test_welcome_comes_first_then_both_speak(with_link: Play) -> None:
    async def scene(link: Link) -> None:
        link.core.greeting = [Ack(3)]
        async with link.agent() as agent:
            assert await said(agent) == Ack(3)
            await agent.send(encode(Heartbeat(datetime.now(UTC))))
            assert await link.core.next() == ("heard", "Heartbeat")

    with_link(scene)


def test_a_hello_is_let_go_once_it_is_answered(with_link: Play) -> None:
    """It names every ended part that the node keeps: as long as a connection lasts, that would add up."""

    def kept() -> list[object]:
        gc.collect()
        return [each for each in gc.get_objects() if type(each) is PartStatus and each.job == "kept-1"]

    async def scene(link: Link) -> None:
        async with link.connected(link.contexts("n1")) as agent:
            parts = [PartStatus("kept-1", 1, PartState.ENDED, 0, "boot", ranks=[RankProgress(0)])]
            await agent.send(encode(replace(hello(), parts=parts)))
            del parts
            assert isinstance(await said(agent), Welcome)
            assert kept() == []

    with_link(scene)


def test_nobody_without_a_certificate(with_link: Play) -> None:
    async def scene(link: Link) -> None:
        bare = ssl.create_default_context(cadata=link.trust.ca_pem)
        with pytest.raises((OSError, WebSocketException)):
            async with link.connected(bare) as agent:
                await said(agent)
        assert link.core.told.empty()

    with_link(scene)


def test_only_its_own_name(with_link: Play) -> None:
    async def scene(link: Link) -> None:
        async with link.connected(link.contexts("n1")) as agent:
            await agent.send(encode(hello("n2")))
            refused = await said(agent)
            assert isinstance(refused, Refused)
            assert refused.reason is RefusalReason.UNKNOWN_NODE
            assert "'n2'" in refused.message
            assert "'n1'" in refused.message
            await gone(agent)
        assert link.core.told.empty()

    with_link(scene)


def test_other_major_version_is_told_both(with_link: Play) -> None:
    async def scene(link: Link) -> None:
        unreadable = msgspec.msgpack.encode({"type": "hello", "version": [MAJOR + 1, 4], "node": 5})
        async with link.connected(link.contexts("n1")) as agent:
            await agent.send(unreadable)
            refused = await said(agent)
            assert isinstance(refused, Refused)
            assert refused.reason is RefusalReason.OTHER_MAJOR_VERSION
            assert f"{MAJOR + 1}.4" in refused.message
            assert str(Version()) in refused.message
            assert "upgrade the controller" in refused.message

    with_link(scene)


def test_other_minor_version_is_served(with_link: Play) -> None:
    async def scene(link: Link) -> None:
        async with link.connected(link.contexts("n1")) as agent:
            await agent.send(encode(hello(version=Version(MAJOR, 99))))
            assert isinstance(await said(agent), Welcome)

    with_link(scene)


@pytest.mark.parametrize(
    "frame",
    [
        b"\xc1",
        b"",
        "text",
        encode(Heartbeat(datetime(2026, 1, 1, tzinfo=UTC))),
        msgspec.msgpack.encode({"type": "hello", "version": [MAJOR, 0], "node": "../etc"}),
        msgspec.msgpack.encode({"type": "from_the_future"}),
    ],
)
def test_malformed_first_word_is_one_clear_line(
    with_link: Play, frame: bytes | str, caplog: pytest.LogCaptureFixture
) -> None:
    async def scene(link: Link) -> None:
        async with link.connected(link.contexts("n1")) as agent:
            await agent.send(frame)
            refused = await said(agent)
            assert isinstance(refused, Refused)
            assert refused.reason is RefusalReason.MALFORMED
            assert "\n" not in refused.message
            await gone(agent)
        assert link.core.told.empty()

    with caplog.at_level(logging.WARNING):
        with_link(scene)
    assert [record.exc_info for record in caplog.records] == [None]
    assert "n1" in caplog.text


def test_malformed_later_is_refused_and_reported(with_link: Play) -> None:
    async def scene(link: Link) -> None:
        async with link.agent() as agent:
            await agent.send(b"\xc1")
            assert isinstance(await said(agent), Refused)
            await gone(agent)
        kind, reason = await link.core.next()
        assert kind == "broken"
        assert "MessagePack" in str(reason)

    with_link(scene)


def test_unknown_message_is_skipped(with_link: Play) -> None:
    async def scene(link: Link) -> None:
        async with link.agent() as agent:
            await agent.send(msgspec.msgpack.encode({"type": "from_the_future", "x": 1}))
            await agent.send(encode(Heartbeat(datetime.now(UTC))))
            assert await link.core.next() == ("heard", "Heartbeat")

    with_link(scene)


def test_broken_connection_is_reported_at_once(with_link: Play) -> None:
    async def scene(link: Link) -> None:
        async with link.agent() as agent:
            agent.transport.abort()
            async with asyncio.timeout(1.0):
                kind, _ = await link.core.told.get()
            assert kind == "broken"

    with_link(scene)


def test_newer_connection_takes_the_olders_place(with_link: Play) -> None:
    async def scene(link: Link) -> None:
        context = link.contexts("n1")
        async with link.connected(context) as older, link.connected(context) as newer:
            for agent in (older, newer):
                await agent.send(encode(hello()))
                assert isinstance(await said(agent), Welcome)
                assert await link.core.next() == ("accept", "i1")
            await gone(older)
            await newer.send(encode(Heartbeat(datetime.now(UTC))))
            assert await link.core.next() == ("heard", "Heartbeat")
            assert link.core.told.empty()

    with_link(scene)


def test_superseded_certificate_takes_nobodys_place(with_link: Play) -> None:
    async def scene(link: Link) -> None:
        stale = link.contexts("n1")
        async with link.agent() as agent:
            link.core.current = link.core.sessions[0].fingerprint
            async with link.connected(stale) as intruder:
                await intruder.send(encode(hello()))
                refused = await said(intruder)
                assert isinstance(refused, Refused)
                assert refused.reason is RefusalReason.CERTIFICATE_SUPERSEDED
            await agent.send(encode(Heartbeat(datetime.now(UTC))))
            assert await link.core.next() == ("heard", "Heartbeat")

    with_link(scene)


def test_peer_that_does_not_read_is_closed(with_link: Play) -> None:
    async def scene(link: Link) -> None:
        async with link.agent():
            session = link.core.sessions[0]
            for number in range(2000):  # without a pause: nothing can be written in between
                session.send(Ack(number))
            kind, reason = await link.core.next()
            assert kind == "broken"
            assert "does not read" in str(reason)

    with_link(scene)


def test_question_is_answered(with_link: Play) -> None:
    async def scene(link: Link) -> None:
        async with link.agent() as agent:
            asking = asyncio.create_task(link.core.sessions[0].ask(ReadLog(0, "job-1", 1, 100), DEADLINE_S))
            question = await said(agent)
            assert isinstance(question, ReadLog)
            await agent.send(encode(Reply(question.id + 1, b"somebody else's")))
            await agent.send(encode(Reply(question.id, b"the log")))
            assert (await asking).data == b"the log"

    with_link(scene)


def test_question_without_answer_is_given_up(with_link: Play) -> None:
    async def scene(link: Link) -> None:
        async with link.agent() as agent:
            session = link.core.sessions[0]
            with pytest.raises(Unavailable, match="did not answer within"):
                await session.ask(ReadLog(0, "job-1", 1, 100), 0.05)
            asking = asyncio.create_task(session.ask(ReadLog(0, "job-1", 1, 100), DEADLINE_S))
            assert isinstance(await said(agent), ReadLog)
            assert isinstance(await said(agent), ReadLog)
            agent.transport.abort()
            with pytest.raises(Unavailable, match="try again"):
                await asking
            with pytest.raises(Unavailable, match="try again"):
                await session.ask(ReadLog(0, "job-1", 1, 100), DEADLINE_S)

    with_link(scene)


def test_our_own_stop_breaks_nobody(with_link: Play, trust: Trust, node_context: NodeContext) -> None:
    async def scene(link: Link) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listening:
            server = LinkServer(link.core, trust.link_context(), listening)
            await server.start()
            second = Link(link.core, listening.getsockname()[1], node_context, trust)
            async with second.agent() as agent:
                await server.stop()
                with pytest.raises(ConnectionClosed):
                    await said(agent)
        assert link.core.told.empty()

    with_link(scene)


def test_other_paths_are_not_served(with_link: Play) -> None:
    async def scene(link: Link) -> None:
        with pytest.raises(InvalidStatus, match="404"):
            async with link.connected(link.contexts("n1"), "/elsewhere"):
                pass

    with_link(scene)


def test_an_error_of_ours_ends_one_connection_only(with_link: Play, caplog: pytest.LogCaptureFixture) -> None:
    async def scene(link: Link) -> None:
        def fail(session: AgentSession, message: object) -> None:
            raise RuntimeError("a bug")

        async with link.agent("n2") as other, link.agent("n1") as agent:
            link.core.heard, heard = fail, link.core.heard  # type: ignore[method-assign]
            await agent.send(encode(Heartbeat(datetime.now(UTC))))
            assert (await link.core.next())[0] == "broken"
            await gone(agent)
            link.core.heard = heard  # type: ignore[method-assign]
            await other.send(encode(Heartbeat(datetime.now(UTC))))
            assert await link.core.next() == ("heard", "Heartbeat")

    with_link(scene)
    assert "a bug" in caplog.text


def test_a_session_is_what_the_core_expects() -> None:
    _: type[AgentSession] = Session


def test_large_frames_pass_and_too_large_ones_break_the_connection(with_link: Play) -> None:
    async def scene(link: Link) -> None:
        async with link.agent() as agent:
            asking = asyncio.create_task(link.core.sessions[0].ask(ReadLog(0, "job-1", 1, 2**21), DEADLINE_S))
            question = await said(agent)
            assert isinstance(question, ReadLog)
            await agent.send(encode(Reply(question.id, b"x" * 2**21)))
            assert len((await asking).data) == 2**21
            with contextlib.suppress(ConnectionClosed):
                await agent.send(encode(Reply(question.id, b"x" * MAX_FRAME_BYTES)))
            kind, reason = await link.core.next()
            assert kind == "broken"
            assert "1009" in str(reason)

    with_link(scene)

"""The edge around the transactions: what leaves for whom, and whose silence is whose."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from controller import core as module
from controller.core import Core
from controller.requests import Requests
from controller.state.store import Store
from wire.attempts import PartState, PartStatus
from wire.messages import Ack, Heartbeat, Hello, PartChange, Spooled, Welcome
from wire.version import Version

START = datetime(2026, 1, 1, tzinfo=UTC)
DEADLINE_S = 10


class HandClock:
    def __init__(self):
        self.now = 1000.0

    def mono(self):
        return self.now

    def utc(self):
        return START + timedelta(seconds=self.now)


class Session:
    def __init__(self, node, fingerprint="f"):
        self.node, self.fingerprint = node, fingerprint
        self.sent, self.closed = [], False

    def send(self, message):
        self.sent.append(message)

    def close(self, _reason):
        self.closed = True


class Meanwhile(Store):
    """Something happens on the event loop while each transaction is on its way."""

    happens = None

    async def run(self, work):
        answer = await super().run(work)
        if self.happens is not None:
            await self.happens()
        return answer


@pytest.fixture
def store(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "IDLE_TICK_S", 0.002)
    made = Meanwhile(f"sqlite:///{tmp_path / 'mainstay.db'}")
    made.migrate()
    yield made
    made.close()


def hello(node):
    return Hello(Version(), node, "1", "i", "boot", "10.0.0.1", 0)


async def until(true):
    async with asyncio.timeout(DEADLINE_S):
        while not true():
            await asyncio.sleep(0.002)


def scene(store, play):
    async def whole():
        core = Core(store, HandClock())
        await core.start()
        try:
            await Requests(core).register_node("n1", "f", "a")
            await Requests(core).register_node("n2", "f", "a")
            await play(core)
        finally:
            store.happens = None
            await core.stop()

    asyncio.run(whole())


async def pass_time(core, seconds, heard=()):
    for _ in range(round(seconds / 0.5)):
        core.clock.now += 0.5
        for session in heard:
            core.heard(session, Heartbeat(START))
        await asyncio.sleep(0.01)


def test_a_slow_database_forgives_nobodys_silence(store):
    async def play(core):
        silent, alive = Session("n1"), Session("n2")
        for session in (silent, alive):
            assert isinstance(core.accept(session, hello(session.node)), Welcome)
        store.happens = lambda: pass_time(core, 3, heard=[alive])
        await until(lambda: silent.closed)
        assert not alive.closed

    scene(store, play)


def test_a_pause_of_this_process_is_nobodys_silence(store):
    async def play(core):
        session = Session("n1")
        core.accept(session, hello("n1"))
        await asyncio.sleep(0.05)
        core.clock.now += 60
        await asyncio.sleep(0.1)
        assert not session.closed

    scene(store, play)


def test_a_node_that_comes_back_while_it_is_found_lost_keeps_its_new_connection(store):
    async def play(core):
        before, after = Session("n1"), Session("n1")
        core.accept(before, hello("n1"))
        await pass_time(core, 1)

        async def comes_back():
            if core.clock.now > 1004 and core.live.node("n1").session is before:
                core.accept(after, hello("n1"))

        store.happens = comes_back
        await pass_time(core, 5)
        await pass_time(core, 2, heard=[after])
        assert before.closed
        assert not after.closed
        assert core.live.node("n1").session is after

    scene(store, play)


def test_a_node_that_joined_anew_is_not_told_that_its_predecessors_words_were_kept(store):
    async def play(core):
        before, after = Session("n1"), Session("n1", "g")
        core.accept(before, hello("n1"))
        core.heard(before, Spooled(500, PartChange(PartStatus("lm-1", 1, PartState.RUNNING, 0, "b"))))
        core.broken(before, "its machine was switched off")
        await Requests(core).register_node("n1", "g", "a")
        core.accept(after, hello("n1"))
        core.heard(after, Spooled(1, PartChange(PartStatus("lm-1", 1, PartState.RUNNING, 0, "b"))))
        await until(lambda: after.sent)
        assert after.sent == [Ack(1)]

    scene(store, play)


def test_a_tick_that_failed_was_a_turn_and_one_that_hangs_is_none(store, monkeypatch):
    """What feeds the watchdog: a database that says no is waited out, one that says nothing is not."""
    monkeypatch.setattr(module, "RETRY_S", 0.002)
    turns, reached, gate = [], asyncio.Event(), asyncio.Event()

    async def fail():
        raise OSError("the database is away")

    async def hang():
        reached.set()
        await gate.wait()

    async def whole():
        core = Core(store, HandClock(), on_turn=turns.append)
        await core.start()
        await until(lambda: len(turns) > 1)
        store.happens = fail
        before = len(turns)
        await until(lambda: len(turns) > before + 2)
        store.happens = hang
        await asyncio.wait_for(reached.wait(), DEADLINE_S)
        before = len(turns)
        for _ in range(20):
            await asyncio.sleep(0.002)
        assert len(turns) == before
        gate.set()
        await until(lambda: len(turns) > before)
        store.happens = None
        await core.stop()

    asyncio.run(whole())

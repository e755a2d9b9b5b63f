"""Rounds of nodes that measure each other, with sessions that answer as told."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from controller.config import PeersConfig
from controller.core import Core
from controller.peering import Peering
from controller.requests import Requests
from controller.state.models import Incident
from controller.state.store import Store
from wire.messages import Heartbeat, Hello, Welcome
from wire.peers import PeerFigure, PeerReport, Peers
from wire.version import Version

START = datetime(2026, 1, 1, tzinfo=UTC)
NAMES = [f"n{number}" for number in range(1, 7)]
DEADLINE_S = 10


class HandClock:
    now = 1000.0

    def mono(self):
        return self.now

    def utc(self):
        return START + timedelta(seconds=self.now)


class Session:
    """An agent that knows who can be reached."""

    def __init__(self, node):
        self.node, self.fingerprint, self.heard = node, f"f-{node}", []

    def send(self, message):
        if isinstance(message, Peers):
            self.heard.append(message)

    def close(self, _reason):
        pass

    def report(self, broken):
        last = self.heard[-1] if self.heard else Peers(0, b"k" * 16, 1.0)
        names = [peer.name for peer in last.peers]
        bad = [{self.node, name} in broken for name in names]
        figures = [
            PeerFigure(name, 10, 0 if bad else 10, None if bad else 0.0002)
            for name, bad in zip(names, bad, strict=True)
        ]
        return Heartbeat(START, peers=PeerReport(7402, last.round, figures))


class Fleet:
    def __init__(self, core, peering):
        self.core, self.peering = core, peering
        self.sessions = {}

    async def join(self):
        for name in NAMES:
            await Requests(self.core).register_node(name, f"f-{name}", "a")
            self.connect(name)

    def connect(self, name):
        session = self.sessions[name] = Session(name)
        hello = Hello(Version(), name, "1", "i", "boot", f"10.0.0.{name[1:]}", 0)
        assert isinstance(self.core.accept(session, hello), Welcome)

    def turn(self, *broken):
        """A round: all tell what they found, and the next one begins."""
        for session in self.sessions.values():
            self.core.heard(session, session.report([set(pair) for pair in broken]))
        self.peering.turn()

    def asked(self):
        return {name: [peer.name for peer in session.heard[-1].peers] for name, session in self.sessions.items()}

    def links(self):
        return {(link.one, link.other): link.bad for link in self.core.links}


@pytest.fixture
def store(tmp_path):
    made = Store(f"sqlite:///{tmp_path / 'mainstay.db'}")
    made.migrate()
    yield made
    made.close()


def scene(store, play, **config):
    async def whole():
        core = Core(store, HandClock())
        await core.start()
        try:
            fleet = Fleet(core, Peering(core, PeersConfig(**config)))
            await fleet.join()
            await play(fleet)
        finally:
            await core.stop()

    asyncio.run(whole())


async def until(answer):
    async with asyncio.timeout(DEADLINE_S):
        while not await answer():
            await asyncio.sleep(0.01)


def test_first_the_key_then_peers_and_over_time_everybody(store):
    async def play(fleet):
        fleet.turn()
        assert set(map(tuple, fleet.asked().values())) == {()}
        keys = {session.heard[-1].key for session in fleet.sessions.values()}
        assert len(keys) == 1
        met = set()
        for _ in range(3):
            fleet.turn()
            asked = fleet.asked()
            assert all(len(peers) == 2 for peers in asked.values())
            assert all(name in asked[peer] for name, peers in asked.items() for peer in peers)
            met |= {frozenset((name, peer)) for name, peers in asked.items() for peer in peers}
        assert len(met) == 15
        peer = fleet.sessions["n1"].heard[-1].peers[0]
        assert (peer.address, peer.port) == (f"10.0.0.{peer.name[1:]}", 7402)

    scene(store, play, pairs=2)


def test_an_agent_that_connects_anew_is_given_the_key_before_it_is_paired(store):
    async def play(fleet):
        for _ in range(2):
            fleet.turn()
        fleet.connect("n1")
        fleet.turn()
        assert fleet.asked()["n1"] == []
        assert all("n1" not in peers for peers in fleet.asked().values())
        fleet.turn()
        assert fleet.asked()["n1"]

    scene(store, play)


def test_a_link_is_bad_when_it_is_so_twice_and_well_when_it_is_so_once(store):
    async def incident():
        return await store.run(lambda session: session.scalars(select(Incident)).first())

    async def opened():
        return await incident() is not None

    async def closed():
        return (await incident()).closed_at is not None

    async def play(fleet):
        for _ in range(6):
            fleet.turn()
        bad = ("n1", "n2")
        while "n2" not in fleet.asked()["n1"]:
            fleet.turn()
        fleet.turn(bad)
        assert fleet.links() == {}
        assert "n2" in fleet.asked()["n1"]  # at once again
        fleet.turn(bad)
        assert fleet.links() == {bad: True}
        await until(opened)
        assert (await incident()).subject == "link:n1:n2"
        fleet.turn(bad)
        again = Peering(fleet.core, PeersConfig())  # the controller was started anew
        await again.remember()
        assert again._links[bad].since == fleet.peering._links[bad].since
        fleet.turn()
        assert fleet.links() == {bad: False}
        await until(closed)
        fleet.turn()
        assert fleet.links() == {}

    scene(store, play)


def test_a_node_that_nobody_reaches_is_no_bad_link(store):
    async def play(fleet):
        for _ in range(6):
            fleet.turn()
        for _ in range(4):
            fleet.turn(*(("n1", name) for name in NAMES[1:]))
            assert fleet.links() == {}

    scene(store, play)


def test_who_was_started_anew_meanwhile_is_not_judged(store):
    async def play(fleet):
        for _ in range(6):
            fleet.turn()
        for _ in range(3):
            while "n2" not in fleet.asked()["n1"]:
                fleet.turn()
            fleet.connect("n2")
            fleet.turn(("n1", "n2"))
            assert fleet.links() == {}

    scene(store, play)

"""Who measures whom, round after round, and what came of it: the edge around :mod:`controller.tournament` and
:mod:`controller.detect._links`.

A node is paired only after it was given the key in the same connection, so that nobody is taken for silent who did not
know it yet. A bad pair is measured again in the next round, beside the regular ones; only then is it believed.
"""

import asyncio
import logging
import secrets
from collections.abc import Mapping

import msgspec

from controller.config import PeersConfig
from controller.core import Core
from controller.detect._links import LEAST_ASKED, Trouble, of_links, troubles
from controller.facts import Link, Path
from controller.state import diagnostics
from controller.state.live import LiveNode
from controller.tournament import Pair, pair, pairs, partners, with_again
from wire.peers import Peer, Peers

log = logging.getLogger(__name__)

KEY_BYTES = 16
LIVES = 3  # rounds that a node goes on with its peers when it hears no more
REMEMBERED = 30  # rounds: a quarter of an hour of other pairs to compare with


class Verdict(msgspec.Struct, frozen=True):
    round: int
    bad: bool


class Peering:
    """On the event loop of the core. ``number`` of the round under way; 0 before the first."""

    def __init__(self, core: Core, config: PeersConfig) -> None:
        self._core, self._config = core, config
        self._key = secrets.token_bytes(KEY_BYTES)
        self.number = 0
        self._told: dict[str, int] = {}  # the connection in which a node was given the key
        self._known: dict[Pair, Verdict] = {}
        self._suspects: set[Pair] = set()
        self._links: dict[Pair, Link] = {}

    async def run(self) -> None:
        """Ends only by cancellation. A round that fails is logged, and the next one is made."""
        if self._config.every_s <= 0:
            return
        remembered = False
        while True:
            await asyncio.sleep(self._config.every_s)
            try:
                if not remembered:
                    await self.remember()
                    remembered = True
                self.turn()
            except Exception:
                log.exception("no round of nodes that measure each other; trying again")

    async def remember(self) -> None:
        """Links that were bad before this process began, so that they can be found well again."""
        found = await self._core.look(lambda session, _seen: diagnostics.open_links(session))
        self._links = {pair(link.one, link.other): link for link in found} | self._links

    def turn(self) -> None:
        """Judge the round that ends, and begin the next."""
        nodes = self._core.live.snapshot()
        self._judge(nodes)
        self._begin(nodes)

    def _judge(self, nodes: Mapping[str, LiveNode]) -> None:
        paths = self._paths(nodes)
        found = troubles(paths)
        asked = {each for each, path in paths.items() if path.asked >= LEAST_ASKED}
        self._known |= {each: Verdict(self.number, each in found) for each in asked}
        self._known = {each: it for each, it in self._known.items() if it.round > self.number - REMEMBERED}
        bad = of_links(found, {each: it.bad for each, it in self._known.items()})
        confirmed = {each: found[each] for each in bad if each in self._suspects or each in self._links}
        self._suspects = bad
        self._links = self._after(confirmed, asked, nodes)
        self._core.links = tuple(self._links.values())

    def _paths(self, nodes: Mapping[str, LiveNode]) -> dict[Pair, Path]:
        """Of nodes that stayed connected all the round: an agent that was started anew could not answer."""
        stayed = {name for name, number in self._told.items() if _session(nodes, name) == number}
        paths: dict[Pair, Path] = {}
        for name in stayed:
            if nodes[name].met_round != self.number:
                continue
            for peer, path in nodes[name].met.items():
                if peer in stayed:
                    both = pair(name, peer)
                    paths[both] = paths[both].and_(path) if both in paths else path
        return paths

    def _after(
        self, confirmed: Mapping[Pair, Trouble], asked: set[Pair], nodes: Mapping[str, LiveNode]
    ) -> dict[Pair, Link]:
        """A link that was told to be well again is forgotten; so is one whose node is gone."""
        now = self._core.clock.utc()
        kept: dict[Pair, Link] = {}
        for each, link in self._links.items():
            gone = any(_session(nodes, name) is None for name in each)
            if link.bad:
                well = gone or (each in asked and each not in confirmed)
                kept[each] = msgspec.structs.replace(link, bad=not well)
        for each, trouble in confirmed.items():
            since = kept[each].since if each in kept else now
            kept[each] = Link(*each, True, trouble.reason, trouble.message, since)
        return kept

    def _begin(self, nodes: Mapping[str, LiveNode]) -> None:
        self.number += 1
        able = {name: node for name, node in nodes.items() if node.connected and node.peer_port}
        ready = {name for name, node in able.items() if self._told.get(name) == node.session_number}
        regular = pairs(ready, self.number, self._config.pairs)
        chosen = partners(with_again(regular, self._suspects | self._links.keys(), ready))
        self._told = {name: node.session_number for name, node in able.items()}
        for name, node in able.items():
            peers = [Peer(each, able[each].address, able[each].peer_port) for each in chosen.get(name, [])]
            assert node.session is not None
            node.session.send(Peers(self.number, self._key, LIVES * self._config.every_s, peers))


def _session(nodes: Mapping[str, LiveNode], name: str) -> int | None:
    """Of the connection it has now."""
    node = nodes.get(name)
    return node.session_number if node is not None and node.connected else None

"""Other nodes as this one reaches them: how long an echo takes there and back, how many are lost.

The controller says whom to ask, a few at a time and others every round, so that a node's cost does not grow with the
fleet; the same sensor answers the others' echoes. Without a controller's word nobody is asked.
"""

import time
from collections.abc import Iterable
from typing import Annotated

import msgspec

from agent.sensors import Cadence, Family, Host, Seconds
from agent.sensors.echo import Asked, Responder, ask
from wire.peers import Peer, PeerFigure

KEYS = 2  # the newest, and the one before: not all nodes learn of a change at once
EVERYWHERE = ""
PACE_S = 0.1  # an echo and its pause, with room


class Options(Cadence, frozen=True):
    """``port``: UDP, where this node answers its peers; open it between nodes. If it is taken, or 0, another one, which
    the controller is told. ``listen``: the address to answer on; not set: the node's own. ``echoes`` to each peer in a
    look, ``timeout_s`` for the last of them."""

    every_s: Seconds = 10.0
    deadline_s: Seconds = 5.0
    port: Annotated[int, msgspec.Meta(ge=0, le=65_535)] = 7402
    listen: str = ""
    echoes: Annotated[int, msgspec.Meta(ge=1, le=20)] = 5
    timeout_s: Seconds = 1.0

    def __post_init__(self) -> None:
        if self.echoes * PACE_S + self.timeout_s >= self.deadline_s:
            raise ValueError("echoes * 0.1 s + timeout_s must be less than deadline_s")


class News(msgspec.Struct, frozen=True):
    """What the agent passes on. ``until``: seconds of CLOCK_BOOTTIME; afterwards nobody is asked."""

    round: int
    key: bytes
    until: float
    peers: list[Peer]


class Reading(msgspec.Struct, frozen=True):
    """``port``: where this node answers. ``figures``: of the peers asked in this look. ``ever_answered``: whether any
    peer answered since the sensor began."""

    port: int
    round: int = 0
    figures: list[PeerFigure] = []
    ever_answered: bool = False


class Meeting:
    """Answers from when it is made, and asks when it is read."""

    def __init__(self, options: Options, host: Host) -> None:
        self._options, self._address = options, options.listen or host.address
        self._responders = [_any_port(self._address, options.port)]
        self._keys: tuple[bytes, ...] = ()
        self._news: News | None = None
        self._ever_answered = False

    def tell(self, news: bytes) -> None:
        self._news = msgspec.msgpack.decode(news, type=News)
        self._keys = (self._news.key, *(key for key in self._keys if key != self._news.key))[:KEYS]
        for responder in self._responders:
            responder.keys = self._keys

    def read(self) -> Reading | None:
        self._prefer_own_port()
        news, options = self._news, self._options
        port = self._responders[-1].port
        if news is None or time.clock_gettime(time.CLOCK_BOOTTIME) > news.until:
            return Reading(port, ever_answered=self._ever_answered)
        places = {peer.name: (peer.address, peer.port) for peer in news.peers}
        found = ask(places, news.key, options.echoes, options.timeout_s) if places else {}
        figures = [_figure(name, asked) for name, asked in sorted(found.items())]
        self._ever_answered = self._ever_answered or any(figure.answered for figure in figures)
        return Reading(port, news.round, figures, self._ever_answered)

    def _prefer_own_port(self) -> None:
        """The process before this one may have had it still when this one began. Who was told another port goes on
        being answered there."""
        if self._options.port in (0, self._responders[-1].port):
            return
        try:
            responder = Responder(self._address, self._options.port)
        except OSError:
            return
        responder.keys = self._keys
        self._responders = [self._responders[0], responder]


attach = Meeting


def _any_port(address: str, port: int) -> Responder:
    """Where that address is not this machine's own (it is translated on the way), on all that it has. Raises OSError
    when nothing serves."""
    for place in ((address, port), (address, 0), (EVERYWHERE, port)):
        try:
            return Responder(*place)
        except OSError:
            continue
    return Responder(EVERYWHERE, 0)


def _figure(name: str, asked: Asked) -> PeerFigure:
    return PeerFigure(name, asked.asked, len(asked.took), asked.median_s)


def metrics(reading: Reading) -> Iterable[Family]:
    """By peer: those of this round and no others, so that there are never more than a few."""
    asked = [figure for figure in reading.figures if figure.asked]
    lost = [({"peer": it.name}, 1 - it.answered / it.asked) for it in asked]
    yield Family("mainstay_peer_loss_ratio", "Echoes to a peer that did not come back.", lost)
    took = [({"peer": it.name}, it.median_s) for it in asked if it.median_s is not None]
    yield Family("mainstay_peer_round_trip_seconds", "Median time of an echo to a peer and back.", took)

"""Nodes that measure each other: whom the controller pairs, and what they found."""

from typing import Annotated

import msgspec

from wire.names import NodeName

Port = Annotated[int, msgspec.Meta(ge=0, le=65_535)]
Count = Annotated[int, msgspec.Meta(ge=0, le=1_000_000)]
MOST = 16  # peers of one node in one round


class Peer(msgspec.Struct, frozen=True):
    """Where a node answers echoes (UDP)."""

    name: NodeName
    address: str
    port: Port


class Peers(msgspec.Struct, tag="peers", frozen=True):
    """Whom a node measures until the next round, or for ``life_s`` seconds. ``key`` is what echoes of the fleet are
    marked with; a node answers what is marked with this one or the one before."""

    round: int
    key: Annotated[bytes, msgspec.Meta(min_length=16, max_length=64)]
    life_s: float
    peers: Annotated[list[Peer], msgspec.Meta(max_length=MOST)] = []


class PeerFigure(msgspec.Struct, frozen=True):
    """One look at one peer. ``median_s``: of the echoes that came back, there and back; None: none did."""

    name: NodeName
    asked: Count
    answered: Count
    median_s: float | None = None


class PeerReport(msgspec.Struct, frozen=True):
    """``port`` is where this node answers itself. ``round`` as the controller numbered it."""

    port: Port
    round: int = 0
    figures: Annotated[list[PeerFigure], msgspec.Meta(max_length=MOST)] = []

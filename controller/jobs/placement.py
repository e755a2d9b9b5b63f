"""Which nodes take an attempt. The order of names is strategy enough today."""

from collections.abc import Collection, Sequence
from enum import StrEnum

import msgspec


class NodeOffer(msgspec.Struct, frozen=True):
    """A node that may take work now, with its free accelerators' UUIDs."""

    name: str
    address: str
    boot_id: str
    accelerators: tuple[str, ...] = ()


class PlacementRequest(msgspec.Struct, frozen=True):
    nodes: int
    accelerators_per_node: int = 0
    prefer: Collection[str] = ()  # nodes of the attempt before: "in place" means the same nodes again


class Assignment(msgspec.Struct, frozen=True):
    node: str
    node_rank: int
    address: str
    boot_id: str
    accelerators: tuple[str, ...]


class PlacementReason(StrEnum):
    WAITING_FOR_NODES = "waiting_for_nodes"
    WAITING_FOR_ACCELERATORS = "waiting_for_accelerators"


class NoPlacement(msgspec.Struct, frozen=True):
    reason: PlacementReason
    message: str


def place(request: PlacementRequest, offers: Sequence[NodeOffer]) -> list[Assignment] | NoPlacement:
    """Assignments by rank, rank 0 first, or why there are none."""
    able = [offer for offer in offers if len(offer.accelerators) >= request.accelerators_per_node]
    if len(able) < request.nodes:
        return _refusal(request, len(offers), len(able))
    preferred = sorted(able, key=lambda offer: (offer.name not in request.prefer, offer.name))
    chosen = sorted(preferred[: request.nodes], key=lambda offer: offer.name)
    return [
        Assignment(offer.name, rank, offer.address, offer.boot_id, offer.accelerators[: request.accelerators_per_node])
        for rank, offer in enumerate(chosen)
    ]


def _refusal(request: PlacementRequest, ready: int, able: int) -> NoPlacement:
    if ready < request.nodes:
        message = f"needs {request.nodes} nodes, {ready} free and fit"
        return NoPlacement(PlacementReason.WAITING_FOR_NODES, message)
    message = f"needs {request.nodes} nodes with {request.accelerators_per_node} free accelerators, {able} have them"
    return NoPlacement(PlacementReason.WAITING_FOR_ACCELERATORS, message)

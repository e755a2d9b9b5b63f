"""The node as the link sees it: says who it is and how it stands, takes orders, answers questions."""

import asyncio
import os
import secrets
from collections.abc import Callable
from importlib.metadata import version
from operator import itemgetter
from typing import Any

import msgspec
import psutil

from agent.conditions import Book
from agent.dispatch import Dispatcher
from agent.outbox import Outbox
from agent.sensors import gpu_nvml, lan_peers, tpu
from agent.services import NodeServices
from wire.attempts import PartState, PartStatus
from wire.messages import MAX_FRAME_BYTES, Accelerator, AcceleratorsChanged, Heartbeat, Hello
from wire.orders import Order
from wire.peers import PeerReport, Peers
from wire.version import Version

PEERS = "lan_peers"  # the sensor
ACCELERATORS: dict[str, Callable[[Any], list[Accelerator]]] = {
    "gpu_nvml": gpu_nvml.accelerators,
    "gpu_amd": gpu_nvml.accelerators,  # whose reading is of the same shape
    "tpu": tpu.accelerators,
}
PARTS_BYTES = MAX_FRAME_BYTES // 2  # of a Hello


class Node:
    """See :class:`agent.session.NodeSide`."""

    def __init__(self, services: NodeServices, book: Book, outbox: Outbox, dispatcher: Dispatcher) -> None:
        self._services, self._book, self._outbox, self._dispatcher = services, book, outbox, dispatcher
        self._instance = secrets.token_hex(8)
        self._agent_version = version("mainstay")
        self._cpus = len(os.sched_getaffinity(0))
        self._memory_bytes = psutil.virtual_memory().total
        self._met_at = 0.0
        self._told_of: list[Accelerator] | None = None
        self._posted = False  # a change of them

    def hello(self) -> Hello:
        found = self._accelerators()
        self._told_of = None if self._posted else found  # what the spool has of before comes after this: say it again
        config = self._services.config
        return Hello(
            version=Version(),
            node=config.node,
            agent_version=self._agent_version,
            instance=self._instance,
            boot_id=self._services.boot_id,
            address=config.address,
            highest_epoch=self._outbox.highest_epoch,
            cpus=self._cpus,
            memory_bytes=self._memory_bytes,
            accelerators=found,
            parts=that_fit(self._services.parts.statuses()),
            conditions=self._book.current(self._services.clock.utc()),
            held=config.held,
        )

    def heartbeat(self) -> Heartbeat:
        self._tell_accelerators()
        parts = [part for part in self._services.parts.statuses() if part.state is not PartState.ENDED]
        return Heartbeat(self._services.clock.utc(), parts, self._services.config.held, self._met())

    def take(self, order: Order, life: int) -> None:
        self._dispatcher.take(order, life)

    def refuse_unknown(self, key: str, message: str) -> None:
        self._dispatcher.refuse_unknown(key, message)

    def meet(self, peers: Peers) -> None:
        until = self._services.clock.boottime() + peers.life_s
        news = lan_peers.News(peers.round, peers.key, until, peers.peers)
        self._services.tell(PEERS, msgspec.msgpack.encode(news))

    def _tell_accelerators(self) -> None:
        found = self._accelerators()
        if found is not None and found != self._told_of:
            self._told_of, self._posted = found, True
            self._outbox.post(AcceleratorsChanged(found))

    def _accelerators(self) -> list[Accelerator] | None:
        """None before a sensor has found any: on a machine that has none, for ever."""
        newest = self._services.newest()
        found = [of(newest[sensor].reading) for sensor, of in ACCELERATORS.items() if sensor in newest]
        return [accelerator for each in found for accelerator in each] if found else None

    def _met(self) -> PeerReport | None:
        """What was found of peers since it was last told."""
        look = self._services.newest().get(PEERS)
        if look is None or look.at <= self._met_at:
            return None
        self._met_at = look.at
        found: lan_peers.Reading = look.reading
        return PeerReport(found.port, found.round, found.figures)

    async def tail(self, job: str, attempt: int, max_bytes: int) -> bytes:
        """Raises what the file system raises."""
        return await asyncio.to_thread(self._services.parts.tail, job, attempt, max_bytes)


def that_fit(parts: list[PartStatus]) -> list[PartStatus]:
    """A Hello too large is never taken, and how large a part is, its job decides: the oldest ended are left out."""
    ended = [(part.exit.ended_at, part) for part in parts if part.exit is not None]
    kept = [part for part in parts if part.exit is None]
    left = PARTS_BYTES - sum(map(_size, kept))
    for _, part in sorted(ended, key=itemgetter(0), reverse=True):
        left -= _size(part)
        if left < 0:
            break
        kept.append(part)
    return kept


def _size(part: PartStatus) -> int:
    return len(msgspec.msgpack.encode(part))

"""Find a free TCP port for the rendezvous of an attempt."""

import errno
import socket

from agent.services import NodeServices
from agent.workers.aside import aside
from wire.orders import Order, Outcome, OutcomeReason, OutcomeStatus, ReservePort

HANDLES = ReservePort
TRIES = 32


async def execute(order: Order, _kind: ReservePort, node: NodeServices) -> Outcome:
    """The port is free now and no promise: nothing is kept open, and a launch that finds it taken is tried again."""
    try:
        port = await _pick(node)
    except OSError as error:
        message = f"no port on address {node.config.address}: {error.strerror or error}; mend address"
        return Outcome(order.key, OutcomeStatus.FAILED, OutcomeReason.INTERNAL, message)
    if port is None:
        return Outcome(order.key, OutcomeStatus.FAILED, OutcomeReason.BUSY, f"no port found free in {TRIES} tries")
    return Outcome(order.key, OutcomeStatus.DONE, OutcomeReason.OK, port=port)


async def _pick(node: NodeServices) -> int | None:
    now = node.clock.boottime()
    for _ in range(TRIES):
        port = await aside(lambda: _free_port(node.config.address))
        if port is not None and node.ports.claim(port, now):
            return port
    return None


def _free_port(address: str) -> int | None:
    """A port the kernel gives for ``address``, None when somebody has it on all addresses, where torch will bind.

    Waits for a name server when the address is a name.
    """
    family, kind, proto, _, place = socket.getaddrinfo(address, 0, type=socket.SOCK_STREAM)[0]
    with socket.socket(family, kind, proto) as probe:
        probe.bind(place)
        port: int = probe.getsockname()[1]
    with socket.socket(family, kind, proto) as everywhere:
        try:
            everywhere.bind(("", port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return None
            raise
    return port

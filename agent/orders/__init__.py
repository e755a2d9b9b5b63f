"""What a node does when told: one module per order.

An order's module defines ``HANDLES``, the type of :mod:`wire.orders` it carries out, and
``async def execute(order, kind, node) -> Outcome``. It is called once the gate let the order through and that is on
disk; after a crash it is called again, so it looks at what is there before it acts. What it raises becomes FAILED.
"""

import sys
from collections.abc import Awaitable, Callable
from typing import Any

from agent.discovery import modules_of
from agent.services import NodeServices
from wire.orders import Order, OrderKind, Outcome

Execute = Callable[[Order, Any, NodeServices], Awaitable[Outcome]]


def discover() -> dict[type[OrderKind], Execute]:
    """Every order this node can carry out."""
    modules = modules_of(sys.modules[__name__], having="HANDLES")
    return {module.HANDLES: module.execute for module in modules.values()}

"""A person says that a fault is over."""

import logging
from collections.abc import Sequence

from agent.services import NodeServices
from wire.conditions import Condition, Status
from wire.orders import ClearCondition, Order, Outcome, OutcomeReason, OutcomeStatus

HANDLES = ClearCondition

log = logging.getLogger(__name__)


async def execute(order: Order, kind: ClearCondition, node: NodeServices) -> Outcome:
    """It is looked at anew at once, and the outcome says what is so now. After a crash: where that left it."""
    before = node.condition(kind.condition)
    if before is None or before.status is not Status.TRUE:
        return _done(order, f"{kind.condition} is not TRUE any more")
    if before.generation != kind.generation:
        message = f"{kind.condition} changed meanwhile: {before.message}; clear it again if that is over too"
        return Outcome(order.key, OutcomeStatus.REFUSED, OutcomeReason.CHANGED, message)
    words = f"cleared by {kind.by}: {kind.why}"
    log.info("%s %s", kind.condition, words)
    await node.clear(kind.condition, kind.components, words)
    return outcome(order, kind.components, node.condition(kind.condition) or before)


def outcome(order: Order, cleared: Sequence[str], now: Condition) -> Outcome:
    if now.status is Status.FALSE:
        return _done(order, f"{now.type} is FALSE: {now.message}")
    others = bool(cleared) and bool(now.components) and not set(cleared) & set(now.components)
    if now.status is Status.TRUE and others:
        return _done(order, f"{now.type} is still TRUE of others: {now.message}")
    said = "still so" if now.status is Status.TRUE else "can't be told"
    message = f"{now.type} is {now.status}, {said}: {now.message}"
    return Outcome(order.key, OutcomeStatus.FAILED, OutcomeReason.CHECKS_FAILED, message)


def _done(order: Order, message: str) -> Outcome:
    return Outcome(order.key, OutcomeStatus.DONE, OutcomeReason.OK, message)

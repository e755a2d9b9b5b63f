"""Stop this node's part of an attempt."""

from agent.services import NodeServices
from wire.attempts import PartState
from wire.orders import Order, Outcome, OutcomeReason, OutcomeStatus, StopAttempt

HANDLES = StopAttempt


async def execute(order: Order, kind: StopAttempt, node: NodeServices) -> Outcome:
    """Done when no process of it is left here; of a part that never was, that it never will be."""
    part = await node.parts.stop(kind.job, kind.attempt, kind.grace_s)
    if part.state is not PartState.ENDED:
        message = f"processes of {part.id} resist; look at them on {node.config.node}"
        return Outcome(order.key, OutcomeStatus.FAILED, OutcomeReason.LEFTOVERS, message, part=part)
    return Outcome(order.key, OutcomeStatus.DONE, OutcomeReason.OK, part=part)

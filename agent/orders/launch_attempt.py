"""Start this node's part of an attempt."""

from agent.services import NodeServices
from agent.workers.permit import Refusal
from wire.orders import LaunchAttempt, Order, Outcome, OutcomeReason, OutcomeStatus

HANDLES = LaunchAttempt


async def execute(order: Order, kind: LaunchAttempt, node: NodeServices) -> Outcome:
    """Done when the workers are up; asked again for a part that is there, the part as it stands.

    Diagnostics give way.
    """
    async with node.examiner.giving_way():
        part = await node.parts.launch(kind, lambda: order.expires_at is None or node.clock.utc() < order.expires_at)
    if isinstance(part, Refusal):
        return Outcome(order.key, part.status, part.reason, part.message)
    return Outcome(order.key, OutcomeStatus.DONE, OutcomeReason.OK, part=part)

"""Have a node run every check once before it takes work again."""

from remediations.actions.call import DONE, ActionCall, Verification, Verified
from remediations.pipeline.situation import Disturbs
from remediations.world import World
from wire.api import NodePhase
from wire.orders import OutcomeStatus, ValidateNode

DISTURBS = Disturbs.NOTHING
ORDER_LIVES_S = 60.0


def perform(world: World, call: ActionCall) -> None:
    world.set_node_phase(call.the_node(), NodePhase.VALIDATING)
    world.give_order(_key(call), call.the_node(), ValidateNode(), call.decision, lives_s=ORDER_LIVES_S, this_boot=True)


def verify(world: World, call: ActionCall) -> Verification:
    outcome = world.outcome(_key(call))
    if outcome is None:
        return Verification(Verified.NOT_YET, "validating", f"{call.node} runs its checks")
    if outcome.status is OutcomeStatus.DONE:
        return DONE
    world.set_node_phase(call.the_node(), NodePhase.REPAIRING)
    return Verification(Verified.FAILED, outcome.reason, outcome.message)


def _key(call: ActionCall) -> str:
    return f"validate:{call.run}.{call.index}:{call.node}"

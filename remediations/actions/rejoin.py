"""Put a validated node back in service: ready, and without automation's holds. A person's hold stays."""

from remediations.actions.call import DONE, ActionCall, Verification
from remediations.pipeline.situation import Disturbs
from remediations.world import World
from wire.api import NodePhase

DISTURBS = Disturbs.NOTHING


def perform(world: World, call: ActionCall) -> None:
    node = call.the_node()
    world.clear_loss(node)
    world.lift_holds(node, "mainstay:", by=call.owner)
    world.set_node_phase(node, NodePhase.READY)


def verify(world: World, call: ActionCall) -> Verification:  # noqa: ARG001 - an action's signature
    return DONE

"""Mark a node as draining. It counts as drained once no part of an active attempt is on it any more."""

from remediations.actions.call import DONE, ActionCall, Verification
from remediations.pipeline.situation import Disturbs
from remediations.world import World
from wire.api import NodePhase

DISTURBS = Disturbs.CAPACITY
_IN_SERVICE = frozenset({NodePhase.JOINING, NodePhase.READY, NodePhase.VALIDATING})


def perform(world: World, call: ActionCall) -> None:
    if world.node_phase(call.the_node()) in _IN_SERVICE:
        world.set_node_phase(call.the_node(), NodePhase.DRAINING)


def verify(world: World, call: ActionCall) -> Verification:  # noqa: ARG001 - an action's signature
    return DONE

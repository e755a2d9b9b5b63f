"""Have a node that a person drained take work again, once nobody holds it any more.

One that automation drained is held by automation, and comes back its own way: checked first.
"""

from remediations.actions.call import DONE, ActionCall, Verification
from remediations.pipeline.situation import Disturbs
from remediations.world import World
from wire.api import NodePhase

DISTURBS = Disturbs.NOTHING
_DRAINED = frozenset({NodePhase.DRAINING, NodePhase.DRAINED})


def perform(world: World, call: ActionCall) -> None:
    node = call.the_node()
    if world.node_phase(node) in _DRAINED and not world.held(node):
        world.set_node_phase(node, NodePhase.READY)


def verify(world: World, call: ActionCall) -> Verification:  # noqa: ARG001 - an action's signature
    return DONE

"""Take a node out of the fleet for good: its certificate is served no more. It comes back by joining anew.

``params["machine_is_off"]`` is a person's word that nothing runs there; what may have run there counts as stopped.
"""

from remediations.actions.call import DONE, ActionCall, Verification
from remediations.pipeline.situation import Disturbs
from remediations.world import World

DISTURBS = Disturbs.CAPACITY
PEOPLE_ONLY = True


def perform(world: World, call: ActionCall) -> None:
    world.retire_node(call.the_node(), call.owner, call.message, vouched=call.params.get("machine_is_off", False))


def verify(world: World, call: ActionCall) -> Verification:  # noqa: ARG001 - an action's signature
    return DONE

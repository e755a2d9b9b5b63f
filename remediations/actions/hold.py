"""Hold a node: it takes no new work until the hold is lifted or expires."""

from remediations.actions.call import DONE, ActionCall, Verification
from remediations.pipeline.situation import Disturbs
from remediations.world import World

DISTURBS = Disturbs.CAPACITY


def perform(world: World, call: ActionCall) -> None:
    expires_at = call.params.get("expires_at")
    world.add_hold(call.the_node(), call.owner, call.message or call.reason, call.run, expires_at)


def verify(world: World, call: ActionCall) -> Verification:  # noqa: ARG001 - an action's signature
    return DONE

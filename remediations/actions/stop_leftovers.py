"""Stop what still runs on a node though its attempt was replaced meanwhile."""

from remediations.actions.call import DONE, ActionCall, Verification, Verified
from remediations.pipeline.situation import Disturbs
from remediations.world import World
from wire.names import attempt_id

DISTURBS = Disturbs.NOTHING
SERVES_RELAUNCH = True
GRACE_S = 1.0


def perform(world: World, call: ActionCall) -> None:
    node = call.the_node()
    for part in world.leftovers(node):
        world.stop_part(node, part.job, part.attempt, GRACE_S, call.decision)


def verify(world: World, call: ActionCall) -> Verification:
    left = world.leftovers(call.the_node())
    if not left:
        return DONE
    perform(world, call)
    names = ", ".join(attempt_id(part.job, part.attempt) for part in left)
    return Verification(Verified.NOT_YET, "leftovers", f"still running: {names}")

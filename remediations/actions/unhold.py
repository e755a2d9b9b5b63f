"""Lift the caller's own holds on a node, and never somebody else's (law 2)."""

from remediations.actions.call import DONE, ActionCall, Verification
from remediations.pipeline.situation import Disturbs
from remediations.world import World

DISTURBS = Disturbs.NOTHING


def perform(world: World, call: ActionCall) -> None:
    world.lift_holds(call.the_node(), call.params.get("owner_prefix", call.owner), by=call.owner)


def verify(world: World, call: ActionCall) -> Verification:  # noqa: ARG001 - an action's signature
    return DONE

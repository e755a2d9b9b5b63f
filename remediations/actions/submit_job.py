"""Take a job in. ``params["spec"]`` is the job file, ``params["user"]`` the Unix user bound to the token."""

from remediations.actions.call import DONE, ActionCall, Verification
from remediations.pipeline.situation import Disturbs
from remediations.world import World

DISTURBS = Disturbs.NOTHING
PEOPLE_ONLY = True


def perform(world: World, call: ActionCall) -> None:
    world.submit_job(call.params["spec"], call.owner, call.params["user"], call.decision)


def verify(world: World, call: ActionCall) -> Verification:  # noqa: ARG001 - an action's signature
    return DONE

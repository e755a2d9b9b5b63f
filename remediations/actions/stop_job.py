"""Stop a job for good. Verified when no part of it is left."""

from remediations.actions.call import DONE, ActionCall, Verification, Verified
from remediations.pipeline.situation import Disturbs
from remediations.world import World
from wire.api import ENDED_JOB_PHASES

DISTURBS = Disturbs.JOB


def perform(world: World, call: ActionCall) -> None:
    world.ask_job_to_stop(call.the_job(), call.decision)


def verify(world: World, call: ActionCall) -> Verification:
    progress = world.job_progress(call.the_job())
    if progress.phase in ENDED_JOB_PHASES:
        return DONE
    return Verification(Verified.NOT_YET, progress.reason, progress.message)

"""Stop an attempt of a job everywhere and start the next from the last published checkpoint.

Verified by the next attempt's first step.
"""

from remediations.actions.call import DONE, ActionCall, Verification, Verified
from remediations.pipeline.situation import Disturbs
from remediations.world import World
from wire.api import ENDED_JOB_PHASES, JobPhase

DISTURBS = Disturbs.JOB
SERVES_RELAUNCH = True


def perform(world: World, call: ActionCall) -> None:
    if call.attempt is None:
        raise ValueError("relaunch_job needs the attempt it was decided about")
    world.recover_job(call.the_job(), call.attempt, call.reason, call.message, call.decision)


def verify(world: World, call: ActionCall) -> Verification:
    progress = world.job_progress(call.the_job())
    if progress.phase is JobPhase.SUCCEEDED:
        return DONE
    if progress.phase in ENDED_JOB_PHASES:
        return Verification(Verified.FAILED, progress.reason, progress.message)
    next_attempt = (call.attempt or 0) + 1
    if progress.attempt >= next_attempt and progress.stepping:
        return DONE
    if progress.attempt > next_attempt or (progress.attempt == next_attempt and progress.stopping):
        message = f"attempt {next_attempt} failed before its first step"
        return Verification(Verified.FAILED, "next_attempt_failed", message)
    return Verification(Verified.NOT_YET, progress.reason, progress.message)

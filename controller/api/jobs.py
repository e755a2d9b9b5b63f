"""Jobs: submitted, looked at, stopped. ``ref`` is a job's id, or a name: then its newest job is meant."""

from http import HTTPStatus
from typing import Annotated

from litestar import MediaType, Router, get, post
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from controller.api.dependencies import Caller, Core
from controller.api.errors import RESPONSES
from controller.errors import Refused
from controller.state.operations import Actor
from wire.api import JobView
from wire.specs import JobSpec

LOG_BYTES = 64 * 1024
MOST_LOG_BYTES = 1024 * 1024


@get("/", responses=RESPONSES)
async def list_jobs(core: Core) -> list[JobView]:
    """All jobs, oldest first, without specification and attempts."""
    return await core.jobs()


@post("/", responses=RESPONSES)
async def submit_job(core: Core, caller: Caller, data: JSONBody[JobSpec]) -> JobView:
    """Take a job in. Refused with ``no_user`` or ``root_user`` when the token names no user that jobs may run as."""
    _check_may_submit(caller)
    return await core.submit_job(caller, data)


@get("/{ref:str}", responses=RESPONSES)
async def show_job(core: Core, ref: FromPath[str]) -> JobView:
    """One job, with its specification, its attempts, and why it failed."""
    return await core.job(ref)


@post("/{ref:str}/stop", status_code=HTTPStatus.OK, responses=RESPONSES)
async def stop_job(core: Core, caller: Caller, ref: FromPath[str]) -> JobView:
    """Stop a job for good. A job that has ended is refused with ``job_ended``."""
    return await core.stop_job(caller, ref)


@get("/{ref:str}/logs", media_type=MediaType.TEXT, responses=RESPONSES)
async def read_log(
    core: Core,
    ref: FromPath[str],
    node: FromQuery[str | None] = None,
    attempt: Annotated[int | None, QueryParameter(ge=1)] = None,
    max_bytes: Annotated[int, QueryParameter(ge=1, le=MOST_LOG_BYTES)] = LOG_BYTES,
) -> str:
    """The end of one node's log of one attempt: without ``attempt`` of the newest, without ``node`` of rank 0's.

    Unavailable while the node is out of contact: its log is on its own disk.
    """
    return await core.log_tail(ref, node, attempt, max_bytes)


def _check_may_submit(caller: Actor) -> None:
    if caller.user is None:
        mend = "create one with `mainstay token create --kind api --user USER`"
        raise Refused(f"user: this token names no Unix user for jobs to run as; {mend}", "no_user")
    if caller.user == "root":
        raise Refused("user: jobs never run as root; use a token with another Unix user", "root_user")


router = Router("/jobs", route_handlers=[list_jobs, submit_job, show_job, stop_job, read_log], tags=["jobs"])

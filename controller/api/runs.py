"""Runs: what playbooks did, and a person's word about them."""

from datetime import timedelta
from http import HTTPStatus

from litestar import Router, get, post
from litestar.params import FromPath, JSONBody

from controller.api.dependencies import Caller, Core
from controller.api.errors import RESPONSES
from wire.api import ApproveRequest, RunView, WordRequest


@get("/", responses=RESPONSES)
async def list_runs(core: Core) -> list[RunView]:
    """The newest, oldest of them first."""
    return await core.runs()


@get("/{run:int}", responses=RESPONSES)
async def show_run(core: Core, run: FromPath[int]) -> RunView:
    """One run, with its steps and the decision behind each."""
    return await core.run(run)


@post("/{run:int}/approve", status_code=HTTPStatus.OK, responses=RESPONSES)
async def approve_run(core: Core, caller: Caller, run: FromPath[int], data: JSONBody[ApproveRequest]) -> RunView:
    """Let what waits for approval go, and the run's later steps, until the approval expires."""
    return await core.approve_run(caller, run, timedelta(seconds=data.expires_s))


@post("/{run:int}/reject", status_code=HTTPStatus.OK, responses=RESPONSES)
async def reject_run(core: Core, caller: Caller, run: FromPath[int], data: JSONBody[WordRequest]) -> RunView:
    """Give up a run that waits for approval."""
    return await core.reject_run(caller, run, data.reason)


@post("/{run:int}/abort", status_code=HTTPStatus.OK, responses=RESPONSES)
async def abort_run(core: Core, caller: Caller, run: FromPath[int], data: JSONBody[WordRequest]) -> RunView:
    """Begin nothing more of a run. What it has begun is not taken back."""
    return await core.abort_run(caller, run, data.reason)


handlers = [list_runs, show_run, approve_run, reject_run, abort_run]
router = Router("/runs", route_handlers=handlers, tags=["runs"])

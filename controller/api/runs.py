"""Runs: what playbooks did."""

from litestar import Router, get
from litestar.params import FromPath

from controller.api.dependencies import Core
from controller.api.errors import RESPONSES
from wire.api import RunView


@get("/", responses=RESPONSES)
async def list_runs(core: Core) -> list[RunView]:
    """The newest, oldest of them first."""
    return await core.runs()


@get("/{run:int}", responses=RESPONSES)
async def show_run(core: Core, run: FromPath[int]) -> RunView:
    return await core.run(run)


router = Router("/runs", route_handlers=[list_runs, show_run], tags=["runs"])

"""The controller itself."""

from litestar import get

from controller.api.dependencies import Core
from controller.api.errors import RESPONSES
from wire.api import ControllerView


@get("/status", responses=RESPONSES, tags=["status"])
async def show_status(core: Core) -> ControllerView:
    return await core.status()

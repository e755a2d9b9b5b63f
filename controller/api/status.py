"""The controller itself."""

from litestar import get

from controller.api.dependencies import Core
from controller.api.errors import RESPONSES
from wire.api import ControllerView


@get("/status", responses=RESPONSES, tags=["status"])
async def show_status(core: Core) -> ControllerView:
    """The controller itself: version, epoch, and how much it looks after."""
    return await core.status()

"""Incidents: what findings opened."""

from litestar import Router, get

from controller.api.dependencies import Core
from controller.api.errors import RESPONSES
from wire.api import IncidentView


@get("/", responses=RESPONSES)
async def list_incidents(core: Core) -> list[IncidentView]:
    """The newest, oldest of them first."""
    return await core.incidents()


router = Router("/incidents", route_handlers=[list_incidents], tags=["incidents"])

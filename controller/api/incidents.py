"""Incidents: what findings opened."""

from http import HTTPStatus

from litestar import Router, get, post
from litestar.params import FromPath, JSONBody

from controller.api.dependencies import Caller, Core
from controller.api.errors import RESPONSES
from wire.api import AckRequest, IncidentView


@get("/", responses=RESPONSES)
async def list_incidents(core: Core) -> list[IncidentView]:
    """The newest, oldest of them first."""
    return await core.incidents()


@get("/{incident:int}", responses=RESPONSES)
async def show_incident(core: Core, incident: FromPath[int]) -> IncidentView:
    """One incident, with its finding and the runs it started."""
    return await core.incident(incident)


@post("/{incident:int}/ack", status_code=HTTPStatus.OK, responses=RESPONSES)
async def acknowledge(core: Core, caller: Caller, incident: FromPath[int], data: JSONBody[AckRequest]) -> IncidentView:
    """Say that the caller has seen it. It stays open until what it is about is over."""
    return await core.acknowledge(caller, incident, data.note)


router = Router("/incidents", route_handlers=[list_incidents, show_incident, acknowledge], tags=["incidents"])

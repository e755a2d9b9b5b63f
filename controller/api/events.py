"""Events: everything that happened, in order."""

from typing import Annotated

from litestar import Router, get
from litestar.params import FromQuery, QueryParameter

from controller.api.dependencies import Core
from controller.api.errors import RESPONSES
from wire.api import EventView


@get("/", responses=RESPONSES)
async def list_events(
    core: Core,
    after: Annotated[int, QueryParameter(ge=0)] = 0,
    limit: Annotated[int, QueryParameter(ge=1, le=1000)] = 100,
    job: FromQuery[str | None] = None,
    node: FromQuery[str | None] = None,
    kind: FromQuery[list[str] | None] = None,
    last: FromQuery[bool] = False,
    routine: FromQuery[bool] = True,
) -> list[EventView]:
    """Oldest first, those with an id above ``after``: the last one's id is the next call's ``after``.

    The first ``limit`` of them, or with ``last`` the last; without ``routine`` no published checkpoints.
    """
    return await core.events(after, limit, job, node, kind or (), last, routine)


router = Router("/events", route_handlers=[list_events], tags=["events"])

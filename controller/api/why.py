"""Why: the chain from reading to verification, in words."""

from litestar import Router, get
from litestar.params import FromPath

from controller.api.dependencies import Core
from controller.api.errors import RESPONSES
from controller.api.operations import WhyKind
from wire.api import WhyView


@get("/{kind:str}/{ref:str}", responses=RESPONSES)
async def explain(core: Core, kind: FromPath[WhyKind], ref: FromPath[str]) -> WhyView:
    """Why it is as it is: the chain from reading to verification, oldest first."""
    return await core.why(kind.value, ref)


router = Router("/why", route_handlers=[explain], tags=["why"])

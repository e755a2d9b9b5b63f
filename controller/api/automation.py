"""The automation mode: a ceiling over what every playbook may do."""

from litestar import Router, get, put
from litestar.params import JSONBody

from controller.api.authentication import check_admin
from controller.api.dependencies import Caller, Core
from controller.api.errors import RESPONSES
from wire.api import AutomationRequest, AutomationView


@get("/", responses=RESPONSES)
async def show_automation(core: Core) -> AutomationView:
    """The mode, who set it and when, what it held back since, and the runs that wait for approval."""
    return await core.automation()


@put("/", responses=RESPONSES)
async def set_automation(core: Core, caller: Caller, data: JSONBody[AutomationRequest]) -> AutomationView:
    """Set the mode. Whoever is not person:admin is refused with ``not_admin``."""
    check_admin(caller, "sets the automation mode")
    return await core.set_automation(caller, data.mode)


router = Router("/automation", route_handlers=[show_automation, set_automation], tags=["automation"])

"""Nodes, and the person's hand on them."""

from datetime import timedelta
from http import HTTPStatus

from litestar import Router, get, post
from litestar.params import FromPath, JSONBody

from controller.api.dependencies import Caller, Core, Now
from controller.api.errors import RESPONSES
from wire.api import CordonRequest, NodeView


@get("/", responses=RESPONSES)
async def list_nodes(core: Core) -> list[NodeView]:
    return await core.nodes()


@get("/{name:str}", responses=RESPONSES)
async def show_node(core: Core, name: FromPath[str]) -> NodeView:
    return await core.node(name)


@post("/{name:str}/cordon", status_code=HTTPStatus.OK, responses=RESPONSES)
async def cordon_node(
    core: Core, caller: Caller, now: Now, name: FromPath[str], data: JSONBody[CordonRequest]
) -> NodeView:
    expires_at = None if data.expires_s is None else now + timedelta(seconds=data.expires_s)
    return await core.cordon(caller, name, data.reason, expires_at)


@post("/{name:str}/uncordon", status_code=HTTPStatus.OK, responses=RESPONSES)
async def uncordon_node(core: Core, caller: Caller, name: FromPath[str]) -> NodeView:
    return await core.uncordon(caller, name)


router = Router("/nodes", route_handlers=[list_nodes, show_node, cordon_node, uncordon_node], tags=["nodes"])

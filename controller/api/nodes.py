"""Nodes, and the person's hand on them."""

from datetime import timedelta
from http import HTTPStatus

from litestar import Router, get, post
from litestar.params import FromPath, JSONBody

from controller.api.dependencies import Caller, Core, Now
from controller.api.errors import RESPONSES
from wire.api import CordonRequest, DrainRequest, NodeView, RetireRequest


@get("/", responses=RESPONSES)
async def list_nodes(core: Core) -> list[NodeView]:
    """All nodes, without their conditions."""
    return await core.nodes()


@get("/{name:str}", responses=RESPONSES)
async def show_node(core: Core, name: FromPath[str]) -> NodeView:
    """One node, with its conditions."""
    return await core.node(name)


@post("/{name:str}/cordon", status_code=HTTPStatus.OK, responses=RESPONSES)
async def cordon_node(
    core: Core, caller: Caller, now: Now, name: FromPath[str], data: JSONBody[CordonRequest]
) -> NodeView:
    """Hold the node in the caller's name: it takes no new work. What runs on it goes on."""
    expires_at = None if data.expires_s is None else now + timedelta(seconds=data.expires_s)
    return await core.cordon(caller, name, data.reason, expires_at)


@post("/{name:str}/uncordon", status_code=HTTPStatus.OK, responses=RESPONSES)
async def uncordon_node(core: Core, caller: Caller, name: FromPath[str]) -> NodeView:
    """Lift people's holds on the node, and end their draining; automation's holds stay."""
    return await core.uncordon(caller, name)


@post("/{name:str}/drain", status_code=HTTPStatus.OK, responses=RESPONSES)
async def drain_node(core: Core, caller: Caller, name: FromPath[str], data: JSONBody[DrainRequest]) -> NodeView:
    """Hold the node, and mark it drained once what runs on it has ended."""
    return await core.drain(caller, name, data.reason)


@post("/{name:str}/retire", status_code=HTTPStatus.OK, responses=RESPONSES)
async def retire_node(core: Core, caller: Caller, name: FromPath[str], data: JSONBody[RetireRequest]) -> NodeView:
    """Take the node out of the fleet: its certificate is served no more. Refused while something may run on it."""
    return await core.retire(caller, name, data.reason, data.machine_is_off)


@post("/{name:str}/repair", status_code=HTTPStatus.OK, responses=RESPONSES)
async def repair_node(core: Core, caller: Caller, name: FromPath[str]) -> NodeView:
    """Have a node that was lost, or failed its validation, checked and put back in service, by a run of its own."""
    return await core.repair(caller, name)


handlers = [list_nodes, show_node, cordon_node, uncordon_node, drain_node, retire_node, repair_node]
router = Router("/nodes", route_handlers=handlers, tags=["nodes"])

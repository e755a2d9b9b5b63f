"""Nodes, and the person's hand on them."""

from datetime import timedelta
from http import HTTPStatus

from litestar import Router, get, post
from litestar.params import FromPath, FromQuery, JSONBody

from controller.api.dependencies import Caller, Core, Now
from controller.api.errors import RESPONSES
from wire.api import (
    ClearRequest,
    CordonRequest,
    DiagnoseRequest,
    DrainRequest,
    FigureView,
    NodeView,
    OrderView,
    RetireRequest,
    RunView,
)


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


@post("/{name:str}/clear", status_code=HTTPStatus.OK, responses=RESPONSES)
async def clear_condition(core: Core, caller: Caller, name: FromPath[str], data: JSONBody[ClearRequest]) -> OrderView:
    """Say that a fault is over. The node looks again at once, and the order's outcome says what is so then."""
    return await core.clear(caller, name, data)


@get("/{name:str}/orders/{key:str}", responses=RESPONSES)
async def show_order(core: Core, name: FromPath[str], key: FromPath[str]) -> OrderView:
    """One order to the node, and its outcome."""
    return await core.order(name, key)


@post("/{name:str}/diagnose", status_code=HTTPStatus.OK, responses=RESPONSES)
async def diagnose_node(core: Core, caller: Caller, name: FromPath[str], data: JSONBody[DiagnoseRequest]) -> RunView:
    """Have an idle node measured, by a run of its own. Refused while a job runs there, unless asked for during it."""
    return await core.diagnose(caller, name, data)


@get("/{name:str}/diagnostics", responses=RESPONSES)
async def show_diagnostics(core: Core, name: FromPath[str], run: FromQuery[int | None] = None) -> list[FigureView]:
    """What diagnostics measured there: in that run, or else in the last."""
    return await core.diagnostics(name, run)


handlers = [list_nodes, show_node, cordon_node, uncordon_node, drain_node, retire_node, repair_node]
handlers += [clear_condition, show_order, diagnose_node, show_diagnostics]
router = Router("/nodes", route_handlers=handlers, tags=["nodes"])

"""Measure a node, alone or together with a peer, and keep the figures.

It runs only where no part of a job is, and gives way to a launch: the pipeline says so, and the node again. With a peer
the node first picks a port; then both are told. An order that a node refuses fails the step, unless ``may_skip`` says
that what could not be measured holds nothing up.
"""

from typing import Annotated

import msgspec

from remediations.actions.call import DONE, ActionCall, Verification, Verified
from remediations.pipeline.situation import Disturbs
from remediations.world import World
from wire.api import NodePhase
from wire.diagnostics import Figure
from wire.names import NodeName, attempt_id
from wire.orders import Diagnose, Outcome, OutcomeStatus, Pair, ReservePort

DISTURBS = Disturbs.NOTHING
ORDER_LIVES_S = 60.0
TOGETHER = "all_reduce"


class Wanted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``names`` empty: all that the node has. ``quick``: less of everything, no computing without an accelerator."""

    names: list[str] = []
    peer: NodeName | None = None
    deadline_s: Annotated[float, msgspec.Meta(gt=0, le=3600)] = 120.0
    quick: bool = False
    during_job: bool = False
    may_skip: bool = False


def perform(world: World, call: ActionCall) -> None:
    wanted, node = _wanted(call), call.the_node()
    if wanted.peer is None:
        _tell(world, call, node, wanted.names, None)
    else:
        order = ReservePort(_meeting(call), call.index)
        world.give_order(_port_key(call), node, order, call.decision, lives_s=ORDER_LIVES_S, this_boot=True)


def verify(world: World, call: ActionCall) -> Verification:
    wanted, node = _wanted(call), call.the_node()
    if wanted.peer is not None:
        met = world.outcome(_port_key(call))
        if met is None:
            return Verification(Verified.NOT_YET, "port", f"{node} picks a port")
        if met.port is None:
            return Verification(Verified.FAILED, met.reason, met.message)
        _tell_both(world, call, wanted, wanted.peer, met.port)
    involved = [node] if wanted.peer is None else [node, wanted.peer]
    outcomes = {name: outcome for name in involved if (outcome := world.outcome(_key(call, name))) is not None}
    if len(outcomes) < len(involved):
        waiting = ", ".join(name for name in involved if name not in outcomes)
        return Verification(Verified.NOT_YET, "diagnosing", f"{waiting} runs diagnostics")
    return _concluded(world, call, wanted, outcomes)


def _concluded(world: World, call: ActionCall, wanted: Wanted, outcomes: dict[str, Outcome]) -> Verification:
    for name, outcome in outcomes.items():
        world.keep_figures(name, _figures(outcome), call.run)
    for name, outcome in outcomes.items():
        bad = any(figure.ok is False for figure in _figures(outcome))
        if outcome.status is OutcomeStatus.DONE or (wanted.may_skip and not bad):
            continue
        if world.node_phase(call.the_node()) is NodePhase.VALIDATING:
            world.set_node_phase(call.the_node(), NodePhase.REPAIRING)
        return Verification(Verified.FAILED, outcome.reason, f"{name}: {outcome.message}")
    return DONE


def _tell_both(world: World, call: ActionCall, wanted: Wanted, peer: str, port: int) -> None:
    """Known orders change nothing, so it may be said again."""
    node = call.the_node()
    address = world.address(node)
    names = [*wanted.names, TOGETHER] if wanted.names and TOGETHER not in wanted.names else wanted.names
    _tell(world, call, node, names, Pair(peer, 0, address, port))
    _tell(world, call, peer, [TOGETHER], Pair(node, 1, address, port))


def _tell(world: World, call: ActionCall, node: str, names: list[str], pair: Pair | None) -> None:
    wanted = _wanted(call)
    order = Diagnose(names, wanted.deadline_s, wanted.quick, pair, wanted.during_job)
    world.give_order(_key(call, node), node, order, call.decision, lives_s=ORDER_LIVES_S, this_boot=True)


def _wanted(call: ActionCall) -> Wanted:
    return msgspec.convert(call.params, Wanted)


def _figures(outcome: Outcome) -> list[Figure]:
    """A node may say what it likes: what is no figure is none."""
    try:
        return msgspec.convert(outcome.detail.get("figures", []), list[Figure])
    except msgspec.ValidationError:
        return []


def _meeting(call: ActionCall) -> str:
    return f"diagnostics-{call.run or 0}"


def _port_key(call: ActionCall) -> str:
    return f"reserve_port:{attempt_id(_meeting(call), call.index)}:{call.node}"


def _key(call: ActionCall, node: str) -> str:
    return f"diagnose:{call.run}.{call.index}:{node}"

"""Tell a node that a fault is over, on a person's word. The node looks again, and its outcome says what is so then."""

from typing import Annotated

import msgspec

from remediations.actions.call import DONE, ActionCall, Verification, Verified
from remediations.pipeline.situation import Disturbs
from remediations.world import World
from wire.orders import ClearCondition, OutcomeStatus

DISTURBS = Disturbs.NOTHING
PEOPLE_ONLY = True
ORDER_LIVES_S = 60.0


class Wanted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``generation`` is what the person knew of. ``components`` empty: all of them."""

    type: Annotated[str, msgspec.Meta(min_length=1)]
    generation: int
    components: list[str] = []


def perform(world: World, call: ActionCall) -> None:
    wanted = msgspec.convert(call.params, Wanted)
    order = ClearCondition(wanted.type, wanted.generation, call.owner, call.message, wanted.components)
    of = f" of {', '.join(wanted.components)}" if wanted.components else ""
    world.record("condition_clearing", reason=call.owner, message=f"{wanted.type}{of}: {call.message}", node=call.node)
    world.give_order(_key(call), call.the_node(), order, call.decision, lives_s=ORDER_LIVES_S, this_boot=True)


def verify(world: World, call: ActionCall) -> Verification:
    outcome = world.outcome(_key(call))
    if outcome is None:
        return Verification(Verified.NOT_YET, "clearing", f"{call.node} is told")
    if outcome.status is not OutcomeStatus.DONE:
        return Verification(Verified.FAILED, outcome.reason, outcome.message)
    return DONE


def _key(call: ActionCall) -> str:
    return f"clear_condition:{call.decision}:{call.node}"

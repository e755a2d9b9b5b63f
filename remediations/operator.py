"""An operator's action takes the same way as automation's: decided, recorded, then done."""

import msgspec

from remediations.actions import ActionCall, catalogue
from remediations.pipeline import Proposal, Ruling, Verdict, decide
from remediations.world import World


class RulingAgainst(Exception):
    """The pipeline refused; ``ruling`` says at which stage and why."""

    def __init__(self, ruling: Ruling) -> None:
        super().__init__(ruling.message)
        self.ruling = ruling


def carry_out(world: World, proposal: Proposal, call: ActionCall) -> None:
    """Decide and do, in the caller's transaction.

    Raises RulingAgainst, with the decision recorded; the caller must still commit.
    """
    ruling = decide(proposal, world.situation(proposal))
    decision = world.record_decision(proposal, ruling)
    if ruling.verdict is not Verdict.ALLOW:
        raise RulingAgainst(ruling)
    catalogue()[proposal.action].perform(world, msgspec.structs.replace(call, decision=decision))

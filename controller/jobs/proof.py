"""How we know that a part of an old attempt runs no more (law 6).

Seen stopped; never launched; the node booted since; a person vouches that its machine is off; or, for a gang whose
attempts write in directories of their own, silent while another part is confirmed stopped, so that no step is possible.
"""

from enum import StrEnum

from controller.facts import AttemptFacts, NodeFacts, PartFacts
from wire.attempts import End


class Proof(StrEnum):
    NONE = ""
    REPORTED_ENDED = "reported_ended"  # its agent saw the last process go
    NEVER_LAUNCHED = "never_launched"  # no order to launch it ever left, or it never reached the shim
    REBOOTED = "rebooted"
    PERSON_VOUCHED = "person_vouched"  # a person says that the machine is off
    GANG_RULE = "gang_rule"  # silent, and no step is possible without the parts confirmed stopped


CONFIRMED = frozenset({Proof.REPORTED_ENDED, Proof.NEVER_LAUNCHED, Proof.REBOOTED, Proof.PERSON_VOUCHED})
_BY_END = {End.REBOOTED: Proof.REBOOTED, End.NEVER_STARTED: Proof.NEVER_LAUNCHED}


def proof_of_end(end: End) -> Proof:
    """What an agent's word that a part has ended proves."""
    return _BY_END.get(end, Proof.REPORTED_ENDED)


def gang_rule_holds(part: PartFacts, attempt: AttemptFacts) -> bool:
    """For a part on a silent node: is another one confirmed stopped, and can late writes not count?"""
    others = [other for other in attempt.parts if other.node != part.node]
    return attempt.gang and attempt.isolated and any(other.proof in CONFIRMED for other in others)


def unprovable(attempt: AttemptFacts, nodes: dict[str, NodeFacts]) -> list[str]:
    """Nodes whose part could not be shown to have stopped if the attempt were stopped now."""
    reachable = [part for part in attempt.parts if part.proof in CONFIRMED or nodes[part.node].connected]
    if attempt.gang and attempt.isolated and reachable:
        return []
    return [part.node for part in attempt.parts if part not in reachable]

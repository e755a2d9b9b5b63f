"""Is it within the limits?

The breaker: when more than a share of the fleet is lost within a window, that is the network or us, not the nodes.
Nothing is relaunched then, however long they stay away, and a person is called. The denominator counts what is really
in service.
"""

from remediations.pipeline.ruling import Objection, RulingReason, Verdict
from remediations.pipeline.situation import Disturbs, Proposal, Situation


def breaker_open(situation: Situation) -> bool:
    lost = situation.lost_at_once
    return lost >= situation.breaker_min_nodes and lost > situation.breaker_share * situation.in_service


def judge(proposal: Proposal, situation: Situation) -> Objection | None:
    if proposal.by_person or proposal.disturbs is Disturbs.NOTHING or not breaker_open(situation):
        return None
    message = (
        f"{situation.lost_at_once} of {situation.in_service} nodes were lost at once: look at the network and at "
        "the controller first"
    )
    return Objection(Verdict.WAIT, RulingReason.BREAKER_OPEN, message)

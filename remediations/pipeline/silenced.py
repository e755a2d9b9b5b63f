"""Is the target silenced or in a maintenance window? A hold file on the node silences all automation there."""

from remediations.pipeline.ruling import Objection, RulingReason, Verdict
from remediations.pipeline.situation import Disturbs, Proposal, Situation


def judge(proposal: Proposal, situation: Situation) -> Objection | None:
    node = situation.node
    if node is None or not node.hold_file or proposal.by_person or proposal.disturbs is not Disturbs.NODE:
        return None
    return Objection(Verdict.WAIT, RulingReason.HOLD_FILE, f"a hold file on {proposal.node} stops automation there")

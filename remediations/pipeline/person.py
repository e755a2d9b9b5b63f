"""Does it go against a person's word? (law 2)"""

from remediations.pipeline.ruling import Objection, RulingReason, Verdict
from remediations.pipeline.situation import Disturbs, Proposal, Situation


def judge(proposal: Proposal, situation: Situation) -> Objection | None:
    if proposal.by_person:
        return None
    if situation.job is not None and situation.job.stop_asked:
        return Objection(Verdict.REFUSE, RulingReason.PERSON_STOPPED_JOB, f"{proposal.job} was stopped by a person")
    node = situation.node
    if node is not None and node.person_holds and proposal.disturbs is Disturbs.NODE:
        return Objection(Verdict.WAIT, RulingReason.HELD_BY_PERSON, f"{proposal.node} is held: {node.person_holds[0]}")
    return None

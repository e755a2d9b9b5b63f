"""Is what it was decided about still so? (law 3)"""

from remediations.pipeline.ruling import Objection, RulingReason, Verdict
from remediations.pipeline.situation import Proposal, Situation

_OF_RETIRED = frozenset({"retire", "unhold"})  # what may be asked of a retired node: the stages after this one say


def judge(proposal: Proposal, situation: Situation) -> Objection | None:
    if proposal.expires_at is not None and situation.now > proposal.expires_at:
        return _refuse(RulingReason.FINDING_EXPIRED, f"what it was decided about expired at {proposal.expires_at}")
    return _about_job(proposal, situation) or _about_node(proposal, situation)


def _about_job(proposal: Proposal, situation: Situation) -> Objection | None:
    job = situation.job
    if job is None:
        return None
    if job.ended:
        return _refuse(RulingReason.JOB_ENDED, f"{proposal.job} has ended: {job.phase}")
    if proposal.attempt is not None and proposal.attempt != job.attempt:
        return _refuse(RulingReason.ATTEMPT_SUPERSEDED, f"attempt {job.attempt} is the newest of {proposal.job}")
    came_back = proposal.about_loss and situation.node is not None and situation.node.connected
    if came_back and job.attempt_alive and not job.attempt_stopping:
        return _refuse(RulingReason.NODE_CAME_BACK, f"{proposal.node} is back and {proposal.target} goes on")
    return None


def _about_node(proposal: Proposal, situation: Situation) -> Objection | None:
    node = situation.node
    if node is None:
        return None
    if node.retired and proposal.job is None and proposal.action not in _OF_RETIRED:
        message = f"{proposal.node} is retired; it comes back by joining with a new token"
        return _refuse(RulingReason.NODE_RETIRED, message)
    back = node.connected or not node.lost
    if proposal.about_loss and proposal.job is None and back:
        return _refuse(RulingReason.NODE_CAME_BACK, f"{proposal.node} is back")
    if not proposal.about_return:
        return None
    if not node.connected:
        return _refuse(RulingReason.NODE_GONE_AGAIN, f"{proposal.node} is out of contact again")
    if not node.lost and not node.held_by_automation:
        return _refuse(RulingReason.NODE_IN_SERVICE, f"{proposal.node} is in service already")
    return None


def _refuse(reason: RulingReason, message: str) -> Objection:
    return Objection(Verdict.REFUSE, reason, message)

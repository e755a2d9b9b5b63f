"""Can the job not run twice? (law 6)

A relaunch is allowed only where every old part can be shown to have stopped. A node leaves the fleet only when nothing
may run on it any more: its agent is not listened to afterwards. Diagnostics run beside a job only when a person wants
that.
"""

from remediations.pipeline.ruling import Objection, RulingReason, Verdict
from remediations.pipeline.situation import Proposal, Situation


def judge(proposal: Proposal, situation: Situation) -> Objection | None:
    if proposal.action == "retire":
        return _retire(proposal, situation)
    if proposal.action == "run_diagnostics":
        return _diagnose(proposal, situation)
    job = situation.job
    if proposal.action != "relaunch_job" or job is None or not job.unprovable:
        return None
    names = ", ".join(job.unprovable)
    message = f"waiting for {names}: silent, may still run {proposal.target}, and nothing else can show it stopped"
    return Objection(Verdict.WAIT, RulingReason.NO_PROOF_OF_STOP, message)


def _retire(proposal: Proposal, situation: Situation) -> Objection | None:
    node = situation.node
    if node is None or not node.parts:
        return None
    names = ", ".join(node.parts)
    if not proposal.vouched:
        message = f"{proposal.node} may still run {names}; drain it and wait, or say that the machine is off"
        return Objection(Verdict.REFUSE, RulingReason.NODE_BUSY, message)
    if node.connected:
        message = f"{proposal.node} is in contact, so it is not off, and may still run {names}"
        return Objection(Verdict.REFUSE, RulingReason.NODE_IN_CONTACT, message)
    return None


def _diagnose(proposal: Proposal, situation: Situation) -> Objection | None:
    """A node on its way back is asked itself: what its rows say of it may be of before."""
    node = situation.node
    if node is None or not node.parts or proposal.during_job or proposal.about_return:
        return None
    message = f"{proposal.node} may still run {', '.join(node.parts)}; wait, drain it, or ask for it during the job"
    return Objection(Verdict.REFUSE, RulingReason.NODE_BUSY, message)

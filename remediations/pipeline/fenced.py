"""Can the job not run twice? (law 6) A relaunch is allowed only where every old part can be shown to have stopped."""

from remediations.pipeline.ruling import Objection, RulingReason, Verdict
from remediations.pipeline.situation import Proposal, Situation


def judge(proposal: Proposal, situation: Situation) -> Objection | None:
    job = situation.job
    if proposal.action != "relaunch_job" or job is None or not job.unprovable:
        return None
    names = ", ".join(job.unprovable)
    message = f"waiting for {names}: silent, may still run {proposal.target}, and nothing else can show it stopped"
    return Objection(Verdict.WAIT, RulingReason.NO_PROOF_OF_STOP, message)

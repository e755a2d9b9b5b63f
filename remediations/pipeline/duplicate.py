"""Is it under way already? (law 7)"""

from remediations.pipeline.ruling import Objection, RulingReason, Verdict
from remediations.pipeline.situation import Proposal, Situation


def judge(proposal: Proposal, situation: Situation) -> Objection | None:
    job = situation.job
    if proposal.action == "relaunch_job" and job is not None and job.attempt_stopping:
        message = f"{proposal.target} is being stopped already"
        return Objection(Verdict.REFUSE, RulingReason.ALREADY_RECOVERING, message)
    if proposal.action == "stop_job" and job is not None and job.stop_asked:
        message = f"{proposal.job} is being stopped already"
        return Objection(Verdict.REFUSE, RulingReason.ALREADY_STOPPING, message)
    if proposal.action == "retire" and situation.node is not None and situation.node.retired:
        return Objection(Verdict.REFUSE, RulingReason.NODE_RETIRED, f"{proposal.node} is retired already")
    if situation.earlier_runs:
        return Objection(Verdict.WAIT, RulingReason.RUN_IN_PROGRESS, f"run {situation.earlier_runs[0]} is at it")
    return None

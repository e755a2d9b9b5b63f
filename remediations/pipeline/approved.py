"""May it be done without asking? The playbook's mode says; a person's own action is approved by being asked for."""

from remediations.pipeline.ruling import Objection, RulingReason, Verdict
from remediations.pipeline.situation import Mode, Proposal, Situation

_OBJECTIONS = {
    Mode.OFF: Objection(Verdict.REFUSE, RulingReason.PLAYBOOK_OFF, "the playbook is off"),
    Mode.SHADOW: Objection(Verdict.SHADOW, RulingReason.SHADOW_MODE, "the playbook is in shadow: recorded, not done"),
    Mode.APPROVE: Objection(Verdict.WAIT, RulingReason.NEEDS_APPROVAL, "the playbook asks for approval first"),
}


def judge(proposal: Proposal, situation: Situation) -> Objection | None:  # noqa: ARG001 - a stage's signature
    return None if proposal.by_person else _OBJECTIONS.get(proposal.mode)

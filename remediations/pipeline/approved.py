"""May it be done without asking? A person's own action is approved by being asked for.

The cluster's automation mode is a ceiling over the playbook's own. What gets jobs going again is done below the
ceilings ``shadow`` and ``approve`` too; ``off`` stops all.
"""

from datetime import datetime

from remediations.pipeline.ruling import ASKS, Objection, RulingReason, Verdict
from remediations.pipeline.situation import Proposal, Situation
from wire.api import Mode

_PLAYBOOK = {
    Mode.OFF: Objection(Verdict.REFUSE, RulingReason.PLAYBOOK_OFF, "the playbook is off"),
    Mode.SHADOW: Objection(Verdict.SHADOW, RulingReason.SHADOW_MODE, "the playbook is in shadow: recorded, not done"),
    Mode.APPROVE: Objection(Verdict.WAIT, RulingReason.NEEDS_APPROVAL, "the playbook asks for approval first"),
}
_CEILING = {
    Mode.OFF: Objection(Verdict.WAIT, RulingReason.AUTOMATION_OFF, "automation is off: nothing is done until it is on"),
    Mode.SHADOW: Objection(
        Verdict.SHADOW, RulingReason.AUTOMATION_SHADOW, "automation is in shadow: recorded, not done"
    ),
    Mode.APPROVE: Objection(Verdict.WAIT, RulingReason.AUTOMATION_APPROVE, "automation asks for approval first"),
}


def judge(proposal: Proposal, situation: Situation) -> Objection | None:
    if proposal.by_person:
        return None
    objection = _objection(proposal, _ceiling(proposal, situation.ceiling))
    if objection is not None and objection.reason in ASKS and _approved(situation.approved_until, situation.now):
        return None
    return objection


def _ceiling(proposal: Proposal, ceiling: Mode) -> Mode:
    return Mode.AUTO if proposal.serves_relaunch and ceiling is not Mode.OFF else ceiling


def _objection(proposal: Proposal, ceiling: Mode) -> Objection | None:
    """The lower of the two modes speaks; where they are the same, the playbook's."""
    return _PLAYBOOK.get(proposal.mode) if proposal.mode.rank <= ceiling.rank else _CEILING.get(ceiling)


def _approved(until: datetime | None, now: datetime) -> bool:
    return until is not None and now < until

"""The one way to an action (law 1).

stale? -> duplicate? -> silenced or in maintenance? -> against a person's hold? -> within limits? -> approved? ->
fenced. Each stage is a pure function in a module of its own; the first that objects ends the walk and names its
reason. What none objects to is allowed. Acting, verifying and recording are the engine's.
"""

from remediations.pipeline import approved, duplicate, fenced, limits, person, silenced, stale
from remediations.pipeline.ruling import Ruling, RulingReason, Verdict
from remediations.pipeline.situation import Proposal, Situation, Stage

STAGES: tuple[tuple[str, Stage], ...] = (
    ("stale", stale.judge),
    ("duplicate", duplicate.judge),
    ("silenced", silenced.judge),
    ("person", person.judge),
    ("limits", limits.judge),
    ("approved", approved.judge),
    ("fenced", fenced.judge),
)


def decide(proposal: Proposal, situation: Situation) -> Ruling:
    """The ruling on one proposed action; pure (law 8)."""
    for name, judge in STAGES:
        objection = judge(proposal, situation)
        if objection is not None:
            return Ruling(objection.verdict, name, objection.reason, objection.message)
    return Ruling(Verdict.ALLOW, "fenced", RulingReason.OK, "")


__all__ = ["Proposal", "Ruling", "RulingReason", "Situation", "Verdict", "decide"]

"""A person's word about a run: may it be said now? Pure (law 8); what it changes is the ledger's."""

from enum import StrEnum

from remediations.pipeline import Ruling, RulingReason, Verdict
from remediations.pipeline.ruling import ASKS
from wire.api import RunPhase

UNDER_WAY = frozenset({RunPhase.PROPOSED, RunPhase.WAITING, RunPhase.RUNNING})
STAGE = "person"


class Word(StrEnum):
    APPROVE = "approve_run"  # its steps need no further approval, until that expires
    REJECT = "reject_run"  # what waits for approval is given up
    ABORT = "abort_run"  # nothing more of it is begun, whatever it waits for


def weigh(word: Word, run: int, phase: RunPhase, reason: str) -> Ruling:
    if phase not in UNDER_WAY:
        return Ruling(Verdict.REFUSE, STAGE, RulingReason.RUN_ENDED, f"run {run} has ended: {phase}")
    if word is not Word.ABORT and (phase is not RunPhase.WAITING or reason not in ASKS):
        state = f"{phase}: {reason}" if reason else phase
        message = f"run {run} does not wait for approval, it is {state}"
        return Ruling(Verdict.REFUSE, STAGE, RulingReason.RUN_NOT_WAITING, message)
    return Ruling(Verdict.ALLOW, STAGE, RulingReason.OK, "")

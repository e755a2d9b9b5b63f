"""What the pipeline says, and why: the same words in the audit, the metrics, ``mainstay why`` and the tests."""

from enum import StrEnum

import msgspec


class Verdict(StrEnum):
    ALLOW = "allow"
    WAIT = "wait"  # ask again later
    REFUSE = "refuse"
    SHADOW = "shadow"  # would be allowed; recorded, not done


class RulingReason(StrEnum):
    OK = "ok"
    # stale
    ATTEMPT_SUPERSEDED = "attempt_superseded"
    JOB_ENDED = "job_ended"
    NODE_CAME_BACK = "node_came_back"
    NODE_GONE_AGAIN = "node_gone_again"
    NODE_IN_SERVICE = "node_in_service"
    NODE_RETIRED = "node_retired"
    FINDING_EXPIRED = "finding_expired"
    # duplicate
    ALREADY_RECOVERING = "already_recovering"
    ALREADY_STOPPING = "already_stopping"
    RUN_IN_PROGRESS = "run_in_progress"
    # a person's word
    PERSON_STOPPED_JOB = "person_stopped_job"
    HELD_BY_PERSON = "held_by_person"
    HOLD_FILE = "hold_file"
    # a person's word about a run
    RUN_ENDED = "run_ended"
    RUN_NOT_WAITING = "run_not_waiting"
    # limits
    BREAKER_OPEN = "breaker_open"
    # approval
    AUTOMATION_OFF = "automation_off"
    AUTOMATION_SHADOW = "automation_shadow"
    AUTOMATION_APPROVE = "automation_approve"
    PLAYBOOK_OFF = "playbook_off"
    SHADOW_MODE = "shadow_mode"
    NEEDS_APPROVAL = "needs_approval"
    # fencing
    NO_PROOF_OF_STOP = "no_proof_of_stop"
    NODE_BUSY = "node_busy"
    NODE_IN_CONTACT = "node_in_contact"


SHADOWED = frozenset({RulingReason.SHADOW_MODE, RulingReason.AUTOMATION_SHADOW})
ASKS = frozenset({RulingReason.NEEDS_APPROVAL, RulingReason.AUTOMATION_APPROVE})


class Ruling(msgspec.Struct, frozen=True):
    verdict: Verdict
    stage: str
    reason: RulingReason
    message: str


class Objection(msgspec.Struct, frozen=True):
    verdict: Verdict
    reason: RulingReason
    message: str

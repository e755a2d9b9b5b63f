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
    FINDING_EXPIRED = "finding_expired"
    # duplicate
    ALREADY_RECOVERING = "already_recovering"
    ALREADY_STOPPING = "already_stopping"
    RUN_IN_PROGRESS = "run_in_progress"
    # a person's word
    PERSON_STOPPED_JOB = "person_stopped_job"
    HELD_BY_PERSON = "held_by_person"
    HOLD_FILE = "hold_file"
    # limits
    BREAKER_OPEN = "breaker_open"
    # approval
    PLAYBOOK_OFF = "playbook_off"
    SHADOW_MODE = "shadow_mode"
    NEEDS_APPROVAL = "needs_approval"
    # fencing
    NO_PROOF_OF_STOP = "no_proof_of_stop"


class Ruling(msgspec.Struct, frozen=True):
    verdict: Verdict
    stage: str
    reason: RulingReason
    message: str


class Objection(msgspec.Struct, frozen=True):
    verdict: Verdict
    reason: RulingReason
    message: str

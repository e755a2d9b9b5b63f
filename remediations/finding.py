"""A finding: something wrong beyond one reading, as a detector states it."""

from datetime import datetime
from enum import StrEnum

import msgspec


class FindingKind(StrEnum):
    """``node_lost``: a node counts as lost, with the attempts that may still run on it. ``node_returned``: a node that
    was lost is in contact again. ``attempt_failed``: an attempt failed though all of its nodes are in contact."""

    NODE_LOST = "node_lost"
    NODE_RETURNED = "node_returned"
    ATTEMPT_FAILED = "attempt_failed"


class AffectedJob(msgspec.Struct, frozen=True):
    job: str
    attempt: int


class Finding(msgspec.Struct, frozen=True):
    """``key`` names this occurrence: seen again it is the same incident, happening again it is another (law 3)."""

    kind: FindingKind
    key: str
    subject: str  # "node:n2" or "job:bytes-lm-1"
    reason: str
    message: str
    at: datetime
    node: str | None = None
    jobs: list[AffectedJob] = []
    asked_by: str = ""  # the person who wants it dealt with; empty when a detector saw it

"""A finding: something wrong beyond one reading, as a detector states it."""

from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec


class FindingKind(StrEnum):
    """``node_lost``: a node counts as lost, with the attempts that may still run on it. ``node_returned``: a node that
    was lost is in contact again. ``attempt_failed``: an attempt failed though all of its nodes are in contact.
    ``diagnostics_due``: it is time to measure a node, or a person wants it. ``silent_corruption``: what a node
    computed, copied or kept is wrong. ``slow_node``: its figures are far below those of its like. ``slow_link``: two
    nodes do badly with each other and well with all others."""

    NODE_LOST = "node_lost"
    NODE_RETURNED = "node_returned"
    ATTEMPT_FAILED = "attempt_failed"
    DIAGNOSTICS_DUE = "diagnostics_due"
    SILENT_CORRUPTION = "silent_corruption"
    SLOW_NODE = "slow_node"
    SLOW_LINK = "slow_link"


TOLD = frozenset({FindingKind.SLOW_LINK})  # accuses no node: a person is told, and no playbook answers
ROUTINE = frozenset({FindingKind.DIAGNOSTICS_DUE})  # nothing is wrong: how its run ends says nothing about the rest


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
    params: dict[str, Any] = {}  # of what is asked for; they go over those of the playbook's steps
    asked_by: str = ""  # the person who wants it dealt with; empty when a detector saw it

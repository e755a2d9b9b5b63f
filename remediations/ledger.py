"""Where runs and their steps are kept: the engine's view of SQL (controller/state implements it)."""

from collections.abc import Callable
from datetime import datetime
from enum import StrEnum
from typing import Protocol

import msgspec

from remediations.finding import Finding
from remediations.playbook import StepSpec
from wire.api import RunPhase, StepPhase


class RunReason(StrEnum):
    """Why a run ended, where neither the pipeline nor an action's verification says it."""

    TIMEOUT = "timeout"
    ACTION_UNKNOWN = "action_unknown"  # an upgrade has taken it away
    INTERNAL_ERROR = "internal_error"
    REJECTED = "rejected_by_person"
    ABORTED = "aborted_by_person"


class StepPlan(msgspec.Struct, frozen=True):
    """A playbook's step aimed at one target."""

    spec: StepSpec
    node: str | None
    job: str | None
    attempt: int | None


class StepRecord(msgspec.Struct):
    index: int
    plan: StepPlan
    phase: StepPhase
    decision: int | None = None
    reason: str = ""
    message: str = ""
    started_at: datetime | None = None
    ended_at: datetime | None = None


class RunRecord(msgspec.Struct):
    id: int
    playbook: str
    subject: str
    finding: Finding
    phase: RunPhase
    steps: list[StepRecord]
    reason: str = ""
    message: str = ""
    created_at: datetime | None = None
    ended_at: datetime | None = None


class Ledger(Protocol):
    def open_incident(self, finding: Finding) -> int | None:
        """A new incident's id, or None when this occurrence is known."""

    def create_run(self, playbook: str, incident: int, finding: Finding, plans: list[StepPlan]) -> int: ...
    def active_runs(self) -> list[int]:
        """Ids of the runs that have not ended, oldest first."""

    def load(self, run: int) -> RunRecord: ...
    def isolated(self, work: Callable[[], None]) -> Exception | None:
        """Do ``work`` in a savepoint: when it raises, that is given back and nothing of it is written. A database that
        is away says nothing about ``work`` and is raised."""

    def fail_run(self, run: int, reason: RunReason, message: str) -> None:
        """End it as failed, whatever its rows hold."""

    def claim(self, run: RunRecord, step: StepRecord, decision: int) -> bool:
        """Conditional update pending -> claimed under this controller's epoch; False when somebody else was first."""

    def save_step(self, run: RunRecord, step: StepRecord) -> None: ...
    def save_run(self, run: RunRecord) -> None: ...

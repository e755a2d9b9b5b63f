"""What the stages look at: the proposal, and the facts it is judged by."""

from collections.abc import Callable
from datetime import datetime
from enum import StrEnum

import msgspec

from remediations.pipeline.ruling import Objection
from wire.api import ENDED_JOB_PHASES, JobPhase, Mode


class Disturbs(StrEnum):
    """What an action disturbs, at worst."""

    NOTHING = "nothing"
    JOB = "job"
    CAPACITY = "capacity"  # takes a node out of service, leaves what runs there alone
    NODE = "node"


class Proposal(msgspec.Struct, frozen=True):
    """One action on one target. ``attempt`` is what it was decided about, where it is about a job."""

    actor: str  # "person:NAME" or "mainstay:PLAYBOOK"
    action: str
    disturbs: Disturbs
    node: str | None = None
    job: str | None = None
    attempt: int | None = None
    run: int | None = None
    about_loss: bool = False  # started by the loss of ``node``
    about_return: bool = False  # started by the return of ``node``, or by a person who wants it put right
    serves_relaunch: bool = False  # without it no job gets going again
    vouched: bool = False  # a person's word that the machine is off
    during_job: bool = False  # a person wants it though a job runs there
    expires_at: datetime | None = None
    mode: Mode = Mode.AUTO

    @property
    def target(self) -> str:
        if self.job is not None:
            return f"job:{self.job}" if self.attempt is None else f"job:{self.job}.{self.attempt}"
        if self.node is not None:
            return f"node:{self.node}"
        return "cluster" if self.run is None else f"run:{self.run}"

    @property
    def by_person(self) -> bool:
        return self.actor.startswith("person:")


class JobSituation(msgspec.Struct, frozen=True):
    phase: JobPhase
    attempt: int
    attempt_stopping: bool  # its newest attempt is on its way down already
    attempt_alive: bool  # no part of it is known to have failed
    stop_asked: bool  # by a person
    unprovable: list[str] = []  # nodes whose part can't be shown to have stopped

    @property
    def ended(self) -> bool:
        return self.phase in ENDED_JOB_PHASES


class NodeSituation(msgspec.Struct, frozen=True):
    connected: bool
    lost: bool  # it was lost and has not been put back in service since
    person_holds: list[str]  # their reasons
    hold_file: bool
    retired: bool = False
    held_by_automation: bool = False
    parts: list[str] = []  # ids of attempts whose part may still run there


class Situation(msgspec.Struct, frozen=True):
    now: datetime
    node: NodeSituation | None = None
    job: JobSituation | None = None
    in_service: int = 0  # nodes that are neither retired nor joining
    lost_at_once: int = 0  # of those that are away, the most that were lost within one window of the breaker
    breaker_share: float = 0.5
    breaker_min_nodes: int = 3
    earlier_runs: list[int] = []  # of the same playbook on the same subject, in progress
    ceiling: Mode = Mode.AUTO  # the cluster's automation mode
    approved_until: datetime | None = None  # a person's approval of the run it is part of


Stage = Callable[[Proposal, Situation], Objection | None]

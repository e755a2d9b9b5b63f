"""What the API asks of the core, and nothing more. References that name nothing raise controller.errors.NotFound."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from controller.state.operations import Actor
from remediations.playbook import Playbook
from wire.api import (
    AutomationView,
    ClearRequest,
    ControllerView,
    DiagnoseRequest,
    EventView,
    FigureView,
    IncidentView,
    JobView,
    Mode,
    NodeView,
    OrderView,
    RunView,
    WhyView,
)
from wire.specs import JobSpec


class WhyKind(StrEnum):
    NODE = "node"
    JOB = "job"
    RUN = "run"


class Operations(Protocol):
    """A job's ``ref`` is its id, or a name: then its newest job is meant."""

    async def nodes(self) -> list[NodeView]: ...
    async def node(self, name: str) -> NodeView: ...
    async def cordon(self, actor: Actor, node: str, reason: str, expires_at: datetime | None) -> NodeView: ...
    async def uncordon(self, actor: Actor, node: str) -> NodeView: ...
    async def drain(self, actor: Actor, node: str, reason: str) -> NodeView: ...
    async def retire(self, actor: Actor, node: str, reason: str, machine_is_off: bool) -> NodeView: ...
    async def repair(self, actor: Actor, node: str) -> NodeView: ...
    async def clear(self, actor: Actor, node: str, request: ClearRequest) -> OrderView: ...
    async def order(self, node: str, key: str) -> OrderView: ...
    async def diagnose(self, actor: Actor, node: str, wanted: DiagnoseRequest) -> RunView: ...
    async def diagnostics(self, node: str, run: int | None) -> list[FigureView]:
        """The figures of that run, or of the last that measured the node."""

    async def check_may_join(self, node: str) -> None:
        """A new machine under an old name proves nothing about the old one. Raises Refused."""

    async def register_node(self, node: str, fingerprint: str, address: str) -> None:
        """From now on the certificate with ``fingerprint`` is the only one served for this node."""

    async def jobs(self) -> list[JobView]: ...
    async def job(self, ref: str) -> JobView: ...
    async def submit_job(self, actor: Actor, spec: JobSpec) -> JobView: ...
    async def stop_job(self, actor: Actor, ref: str) -> JobView: ...
    async def log_tail(self, job: str, node: str | None, attempt: int | None, max_bytes: int) -> str:
        """The end of one node's log of one attempt; None: the newest attempt, its rank 0's node."""

    async def runs(self) -> list[RunView]:
        """The newest, oldest of them first; so with incidents."""

    async def run(self, run: int) -> RunView: ...
    async def approve_run(self, actor: Actor, run: int, lives: timedelta) -> RunView: ...
    async def reject_run(self, actor: Actor, run: int, reason: str) -> RunView: ...
    async def abort_run(self, actor: Actor, run: int, reason: str) -> RunView: ...
    async def incidents(self) -> list[IncidentView]: ...
    async def incident(self, incident: int) -> IncidentView: ...
    async def acknowledge(self, actor: Actor, incident: int, note: str) -> IncidentView: ...
    async def automation(self) -> AutomationView: ...
    async def set_automation(self, actor: Actor, mode: Mode) -> AutomationView: ...
    def playbooks(self) -> Sequence[Playbook]: ...
    async def events(
        self,
        after: int,
        limit: int,
        job: str | None,
        node: str | None,
        kinds: Collection[str] = (),
        last: bool = False,
        routine: bool = True,
    ) -> list[EventView]:
        """Oldest first, those with an id above ``after``: the first ``limit`` of them, or the ``last``.

        Without ``routine`` only what is news: no published checkpoints.
        """

    async def why(self, kind: str, ref: str) -> WhyView: ...
    async def status(self) -> ControllerView: ...
    async def faults_by_type(self) -> dict[tuple[str, str], int]:
        """On how many nodes a condition is TRUE: (type, severity) -> count."""

    async def decisions_by_reason(self) -> dict[tuple[str, str, str], int]:
        """How often the pipeline ruled so: (action, verdict, reason) -> count."""

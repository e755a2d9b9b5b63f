"""What the API asks of the core, and nothing more. References that name nothing raise controller.errors.NotFound."""

from datetime import datetime
from enum import StrEnum
from typing import Protocol

from controller.state.operations import Actor
from wire.api import ControllerView, EventView, IncidentView, JobView, NodeView, RunView, WhyView
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
    async def incidents(self) -> list[IncidentView]: ...
    async def events(self, after: int, limit: int, job: str | None, node: str | None) -> list[EventView]:
        """Oldest first, those with an id above ``after``."""

    async def why(self, kind: str, ref: str) -> WhyView: ...
    async def status(self) -> ControllerView: ...
    async def decisions_by_reason(self) -> dict[tuple[str, str, str], int]:
        """How often the pipeline ruled so: (action, verdict, reason) -> count."""

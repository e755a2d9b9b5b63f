"""What actions may see and do. The controller implements it on one SQL transaction: what an action writes, the step it
belongs to and the orders it gives become true together or not at all."""

from datetime import datetime
from typing import Any, Protocol

import msgspec

from remediations.finding import AffectedJob
from remediations.pipeline import Proposal, Ruling, Situation
from wire.api import JobPhase, NodePhase
from wire.diagnostics import Figure
from wire.orders import OrderKind, Outcome
from wire.specs import JobSpec


class JobProgress(msgspec.Struct, frozen=True):
    phase: JobPhase
    attempt: int
    stepping: bool  # its newest attempt has made a step, or runs without reporting any
    stopping: bool  # its newest attempt is on its way down
    reason: str
    message: str


class World(Protocol):
    now: datetime
    epoch: int

    def situation(self, proposal: Proposal) -> Situation: ...
    def record_decision(self, proposal: Proposal, ruling: Ruling) -> int: ...
    def record(self, kind: str, *, reason: str = "", message: str = "", **about: Any) -> None:
        """Append an event; ``about`` is any of node, job, attempt, run, detail."""

    def add_hold(self, node: str, owner: str, reason: str, run: int | None, expires_at: datetime | None) -> None:
        """One active hold per node and owner: asked again, its reason and expiry become these."""

    def lift_holds(self, node: str, owner_prefix: str, by: str) -> int:
        """Lift the active holds whose owner begins so; returns how many."""

    def held(self, node: str) -> bool:
        """Whether anybody holds it now."""

    def set_node_phase(self, node: str, phase: NodePhase) -> None: ...
    def node_phase(self, node: str) -> NodePhase: ...
    def retire_node(self, node: str, by: str, reason: str, vouched: bool) -> None:
        """From now on no node of the fleet. ``vouched``: somebody says that nothing runs on its machine any more."""

    def clear_loss(self, node: str) -> None:
        """The node is in service again: forget that it was lost."""

    def boot_id(self, node: str) -> str: ...
    def address(self, node: str) -> str:
        """Where its peers reach it."""

    def keep_figures(self, node: str, figures: list[Figure], run: int | None) -> None:
        """Keep what diagnostics measured there."""

    def leftovers(self, node: str) -> list[AffectedJob]:
        """Parts that run on the node though their attempt has ended or is being replaced."""

    def submit_job(self, job: JobSpec, submitted_by: str, user: str, decision: int) -> str:
        """Create the job; returns its id."""

    def ask_job_to_stop(self, job: str, decision: int) -> None: ...
    def recover_job(self, job: str, attempt: int, reason: str, message: str, decision: int) -> bool:
        """Stop this attempt and start the next. False when it is no longer the newest or on its way down already."""

    def job_progress(self, job: str) -> JobProgress: ...

    def give_order(
        self, key: str, node: str, kind: OrderKind, decision: int, lives_s: float | None, this_boot: bool
    ) -> None:
        """Write the order to the ledger; it leaves after the transaction. A key that is known changes nothing."""

    def stop_part(self, node: str, job: str, attempt: int, grace_s: float, decision: int) -> None:
        """Order the node to stop its part; asked again, a try that failed is made again after a pause."""

    def outcome(self, key: str) -> Outcome | None: ...

"""What a job does next. Pure: from facts and time to moves; controller/state carries them out.

An attempt goes placing (a rendezvous port is reserved) -> starting (launch orders are out) -> running -> ended, and
from any of these -> stopping -> ended. A job without an attempt under way places one.
"""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from controller.config import Timing
from controller.facts import AttemptFacts, JobFacts, NodeFacts, PartFacts
from controller.jobs.cause import EndReason, classify
from controller.jobs.placement import Assignment, NodeOffer, NoPlacement, PlacementRequest, place
from controller.jobs.proof import Proof, gang_rule_holds
from wire.api import AttemptPhase, JobPhase
from wire.attempts import End, PartState
from wire.orders import OutcomeReason

PERMANENT_REFUSALS = frozenset({OutcomeReason.NOT_PERMITTED, OutcomeReason.NOT_FOUND})


class Wait(msgspec.Struct, frozen=True):
    """Nothing can be done now; the job shows why."""

    reason: str
    message: str


class CreateAttempt(msgspec.Struct, frozen=True):
    assignments: list[Assignment]


class Launch(msgspec.Struct, frozen=True):
    """Give every part of the attempt its launch order."""


class BeginRunning(msgspec.Struct, frozen=True):
    pass


class BeginStopping(msgspec.Struct, frozen=True):
    reason: EndReason
    message: str
    grace_s: float


class StopParts(msgspec.Struct, frozen=True):
    """Order these nodes to stop their parts; a launch order that never left is withdrawn instead."""

    nodes: list[str]


class Prove(msgspec.Struct, frozen=True):
    node: str
    proof: Proof


class EndAttempt(msgspec.Struct, frozen=True):
    reason: EndReason
    message: str
    permanent: bool = False  # another attempt would fail the same way


class EndJob(msgspec.Struct, frozen=True):
    phase: JobPhase
    reason: str
    message: str


Move = Wait | CreateAttempt | Launch | BeginRunning | BeginStopping | StopParts | Prove | EndAttempt | EndJob


def next_moves(
    job: JobFacts,
    offers: Sequence[NodeOffer],
    nodes: dict[str, NodeFacts],
    mono: float,
    utc: datetime,
    timing: Timing,
) -> list[Move]:
    """The moves that are due now; empty when the job only has to go on."""
    attempt = job.attempt
    if attempt is None:
        return [_without_attempt(job, offers, utc)]
    if all(part.exit is not None and part.exit.end is End.SUCCEEDED for part in attempt.parts):
        return [EndAttempt(EndReason.SUCCEEDED, ""), EndJob(JobPhase.SUCCEEDED, "", "")]
    if attempt.phase is AttemptPhase.STOPPING:
        return _stopping(attempt, nodes)
    if job.stop_asked:
        return [BeginStopping(EndReason.STOPPED_BY_PERSON, "", job.spec.stop_grace_s)]
    if attempt.phase is AttemptPhase.PLACING and attempt.master_port is not None:
        return [Launch()]
    if attempt.phase is AttemptPhase.STARTING and _runs(attempt, mono, timing):
        return [BeginRunning()]
    return []


def _without_attempt(job: JobFacts, offers: Sequence[NodeOffer], utc: datetime) -> Move:
    if job.stop_asked:
        return EndJob(JobPhase.CANCELLED, EndReason.STOPPED_BY_PERSON, "")
    if job.failures > job.spec.restart.max_failures:
        return EndJob(JobPhase.FAILED, job.last_end, job.last_message)
    if job.fruitless >= job.spec.restart.max_fruitless:
        message = f"{job.fruitless} attempts in a row without a new step; the last: {job.last_message}"
        return EndJob(JobPhase.FAILED, "no_progress", message)
    if job.not_before is not None and utc < job.not_before:
        return Wait("backoff", f"the next attempt starts at {job.not_before:%H:%M:%S} UTC")
    request = PlacementRequest(job.spec.nodes, job.spec.accelerators_per_node, job.last_nodes)
    placed = place(request, offers)
    if isinstance(placed, NoPlacement):
        return Wait(placed.reason, placed.message)
    return CreateAttempt(placed)


def _runs(attempt: AttemptFacts, mono: float, timing: Timing) -> bool:
    """Every part is up, and steps are made or, where the script reports none, its workers have lived a while."""
    if any(part.state is not PartState.RUNNING and part.exit is None for part in attempt.parts):
        return False
    if any(part.step is not None for part in attempt.parts):
        return True
    alive = [part.alive_since for part in attempt.parts]
    return all(since is not None and mono - since >= timing.steady_after_s for since in alive)


def _stopping(attempt: AttemptFacts, nodes: dict[str, NodeFacts]) -> list[Move]:
    open_parts = [part for part in attempt.parts if not part.proof]
    if not open_parts:
        return [_end(attempt)]
    proofs: list[Move] = [
        Prove(part.node, Proof.GANG_RULE)
        for part in open_parts
        if _silent(nodes[part.node]) and gang_rule_holds(part, attempt)
    ]
    names = ", ".join(part.node for part in open_parts)
    return proofs or [StopParts([part.node for part in open_parts]), Wait("stopping", f"waiting for {names} to stop")]


def _silent(node: NodeFacts) -> bool:
    return node.lost_at is not None and not node.connected


def _end(attempt: AttemptFacts) -> EndAttempt:
    cause = classify(attempt.parts, attempt.lost_nodes, attempt.stated_reason, attempt.stated_message)
    permanent = cause.reason is EndReason.LAUNCH_REFUSED and any(map(_permanently_refused, attempt.parts))
    return EndAttempt(cause.reason, cause.message, permanent)


def _permanently_refused(part: PartFacts) -> bool:
    return part.launch_refused in PERMANENT_REFUSALS


def restart_delay_s(fruitless: int) -> float:
    """Seconds before the next attempt: none after the first failure, then doubling from 1 to 30."""
    return 0.0 if fruitless < 2 else min(30.0, 2.0 ** (fruitless - 2))

"""An attempt failed while every one of its nodes is in contact: the fault is not the loss of a node.

A failed part is judged only once every other node of the attempt was heard after it was learned of: a node that is
about to be found silent explains its peers' failures, and is :mod:`controller.detect.lost_node`'s.
"""

from collections.abc import Iterable
from enum import StrEnum

from controller.config import Timing
from controller.detect.contact import Contact, assess
from controller.facts import AttemptFacts, Cluster, PartFacts
from remediations.finding import AffectedJob, Finding, FindingKind
from wire.api import AttemptPhase
from wire.attempts import PartState


class AttemptTrouble(StrEnum):
    NONE = ""
    PART_FAILED = "part_failed"
    WORKER_STOPPED = "worker_stopped"
    START_TIMEOUT = "start_timeout"


def detect(cluster: Cluster, timing: Timing) -> Iterable[Finding]:
    for attempt in cluster.attempts:
        if attempt.phase is AttemptPhase.STOPPING:
            continue
        reason, message = trouble(attempt, cluster.mono, timing)
        if reason is not AttemptTrouble.NONE and _all_in_contact(attempt, cluster, timing):
            yield _finding(attempt, reason, message, cluster)


def trouble(attempt: AttemptFacts, mono: float, timing: Timing) -> tuple[AttemptTrouble, str]:
    for part in attempt.parts:
        if part.failed:
            return AttemptTrouble.PART_FAILED, f"its part on {part.node} failed: {_what(part)}"
        if part.stopped_s >= timing.worker_stopped_after_s:
            return AttemptTrouble.WORKER_STOPPED, f"a worker on {part.node} is stopped (state T)"
    starting = attempt.phase in (AttemptPhase.PLACING, AttemptPhase.STARTING)
    if starting and mono - attempt.since > timing.launch_timeout_s:
        return AttemptTrouble.START_TIMEOUT, f"not started within {timing.launch_timeout_s:g} s"
    return AttemptTrouble.NONE, ""


def _what(part: PartFacts) -> str:
    if part.launch_refused is not None:
        return part.launch_message or part.launch_refused
    failure = part.rank_failure or (part.exit.first_failure if part.exit else None)
    if failure is None:
        return part.exit.end if part.exit else "failed"
    return f"rank {failure.rank}: {failure.error or failure.kind}"


def _all_in_contact(attempt: AttemptFacts, cluster: Cluster, timing: Timing) -> bool:
    return all(_heard_since(part, attempt.trouble_at, cluster, timing) for part in attempt.parts)


def _heard_since(part: PartFacts, trouble_at: float | None, cluster: Cluster, timing: Timing) -> bool:
    node = cluster.nodes[part.node]
    if assess(node, cluster, timing).contact is not Contact.IN_CONTACT:
        return bool(part.proof)
    if part.failed or part.state is PartState.ENDED or trouble_at is None:
        return True
    return node.contact_at >= trouble_at


def _finding(attempt: AttemptFacts, reason: AttemptTrouble, message: str, cluster: Cluster) -> Finding:
    key = f"{FindingKind.ATTEMPT_FAILED}:{attempt.job}.{attempt.number}"
    affected = [AffectedJob(attempt.job, attempt.number)]
    full = f"attempt {attempt.number} of {attempt.job}: {message}"
    return Finding(FindingKind.ATTEMPT_FAILED, key, f"job:{attempt.job}", reason, full, cluster.utc, None, affected)

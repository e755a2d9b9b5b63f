"""A node counts as lost: one finding for each loss, with the jobs whose attempts may still run on it."""

from collections.abc import Iterable

from controller.config import Timing
from controller.detect.contact import Contact, assess
from controller.facts import Cluster, NodeFacts
from remediations.finding import AffectedJob, Finding, FindingKind
from wire.api import AttemptPhase, NodePhase

MESSAGES = {
    "peers_failed": "out of contact, and its peers' ranks failed",
    "no_progress": "out of contact, and its attempt makes no steps",
    "silent_too_long": "out of contact",
}


def detect(cluster: Cluster, timing: Timing) -> Iterable[Finding]:
    for node in cluster.nodes.values():
        if node.lost_at is None or node.phase is NodePhase.RETIRED:
            continue
        assessment = assess(node, cluster, timing)
        if assessment.contact is Contact.LOST:
            yield _finding(node, assessment.reason, cluster)


def _finding(node: NodeFacts, reason: str, cluster: Cluster) -> Finding:
    assert node.lost_at is not None
    jobs = [
        AffectedJob(attempt.job, attempt.number)
        for attempt in cluster.attempts
        if node.name in attempt.nodes and attempt.phase is not AttemptPhase.STOPPING
    ]
    key = f"{FindingKind.NODE_LOST}:{node.name}:{node.lost_at.isoformat()}"
    message = f"{node.name} is {MESSAGES[reason]}"
    return Finding(FindingKind.NODE_LOST, key, f"node:{node.name}", reason, message, cluster.utc, node.name, jobs)

"""A node that was lost is in contact again, or was and could not be put back in service: then it is tried again."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from controller.config import Timing
from controller.detect.contact import Contact, assess
from controller.facts import Cluster, NodeFacts
from remediations.finding import Finding, FindingKind
from wire.api import Health, NodePhase

TRY_AGAIN = timedelta(seconds=150)  # more than the validation that is under way may take
_STUCK = frozenset({NodePhase.REPAIRING, NodePhase.VALIDATING})


def detect(cluster: Cluster, timing: Timing) -> Iterable[Finding]:
    for node in cluster.nodes.values():
        if node.lost_at is None or node.phase is NodePhase.RETIRED:
            continue
        if assess(node, cluster, timing).contact is Contact.IN_CONTACT:
            key = f"{FindingKind.NODE_RETURNED}:{node.name}:{node.lost_at.isoformat()}:{node.boot_id}:{node.session}"
            key, message = key + _try(node, cluster.utc), f"{node.name} is in contact again"
            subject = f"node:{node.name}"
            yield Finding(FindingKind.NODE_RETURNED, key, subject, "in_contact", message, cluster.utc, node.name)


def _try(node: NodeFacts, utc: datetime) -> str:
    """Names a further try to put it right: each that failed began the phase it is in. While its own checks say that it
    is unhealthy there is none."""
    if node.phase not in _STUCK or node.phase_since is None or node.health is Health.UNHEALTHY:
        return ""
    return f":{node.phase_since.isoformat()}" if utc - node.phase_since >= TRY_AGAIN else ""

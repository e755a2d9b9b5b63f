"""A node that was lost is in contact again."""

from collections.abc import Iterable

from controller.config import Timing
from controller.detect.contact import Contact, assess
from controller.facts import Cluster
from remediations.finding import Finding, FindingKind
from wire.api import NodePhase


def detect(cluster: Cluster, timing: Timing) -> Iterable[Finding]:
    for node in cluster.nodes.values():
        if node.lost_at is None or node.phase is NodePhase.RETIRED:
            continue
        if assess(node, cluster, timing).contact is Contact.IN_CONTACT:
            key = f"{FindingKind.NODE_RETURNED}:{node.name}:{node.lost_at.isoformat()}:{node.boot_id}:{node.session}"
            message = f"{node.name} is in contact again"
            subject = f"node:{node.name}"
            yield Finding(FindingKind.NODE_RETURNED, key, subject, "in_contact", message, cluster.utc, node.name)

"""Two nodes do well with all others and badly with each other: a link between them, and neither of the two."""

from collections.abc import Iterable

from controller.config import Timing
from controller.facts import Cluster
from remediations.finding import Finding, FindingKind


def detect(cluster: Cluster, timing: Timing) -> Iterable[Finding]:  # noqa: ARG001 - a detector's signature
    """One finding for each time that a link turned bad; it names no node, for none is to be taken out for it."""
    kind = FindingKind.SLOW_LINK
    for link in cluster.links:
        if link.bad and link.one in cluster.nodes and link.other in cluster.nodes:
            key = f"{kind}:{link.one}:{link.other}:{link.since.isoformat()}"
            message = f"between {link.one} and {link.other}: {link.message}, and both do well with others"
            yield Finding(kind, key, f"link:{link.one}:{link.other}", link.reason, message, link.since)

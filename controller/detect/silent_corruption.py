"""A node computed, copied or kept something wrongly and said nothing: no job may trust it.

A wrong sum of two nodes accuses neither: it fails the run that measured them, and is no finding about a node.
"""

from collections.abc import Iterable

from controller.config import Timing
from controller.detect._fleet import TOGETHER
from controller.facts import Cluster, Measured
from remediations.finding import Finding, FindingKind


def detect(cluster: Cluster, timing: Timing) -> Iterable[Finding]:  # noqa: ARG001 - a detector's signature
    for each in cluster.measured:
        if each.wrong and each.fresh and each.name != TOGETHER and each.node in cluster.nodes:
            yield _finding(each)


def _finding(it: Measured) -> Finding:
    kind = FindingKind.SILENT_CORRUPTION
    key = f"{kind}:{it.node}:{it.name}:{it.component}:{it.at.isoformat()}"
    message = f"{it.name} on {it.component} of {it.node}: {it.message}; take it out and have the part replaced"
    return Finding(kind, key, f"node:{it.node}", it.name, message, it.at, it.node)

"""A node's figures are far below those of its like: by itself, or with whomever it is paired."""

from collections.abc import Iterable

from controller.config import Timing
from controller.detect._fleet import Outlier, outliers, slow_in_pairs
from controller.facts import Cluster
from remediations.finding import Finding, FindingKind


def detect(cluster: Cluster, timing: Timing) -> Iterable[Finding]:  # noqa: ARG001 - a detector's signature
    """One finding a node and round of diagnostics; only fresh figures speak."""
    fresh = {each.node for each in cluster.measured if each.fresh}
    against: dict[str, list[Outlier]] = {}
    for outlier in outliers(cluster.measured) if fresh else ():
        against.setdefault(outlier.measured.node, []).append(outlier)
    for node, pairs in slow_in_pairs(cluster.measured).items() if fresh else ():
        against.setdefault(node, []).extend(pairs)
    for node, found in sorted(against.items()):
        if node in fresh and node in cluster.nodes:
            yield _finding(node, found, cluster)


def _finding(node: str, found: list[Outlier], cluster: Cluster) -> Finding:
    at = max(each.at for each in cluster.measured if each.node == node)
    key = f"{FindingKind.SLOW_NODE}:{node}:{at.isoformat()}"
    told = "; ".join(map(_told, found))
    subject = f"node:{node}"
    return Finding(FindingKind.SLOW_NODE, key, subject, found[0].measured.name, f"{node} is slow: {told}", at, node)


def _told(outlier: Outlier) -> str:
    it = outlier.measured
    with_whom = f"{it.node} with {it.component}" if it.name == "all_reduce" else it.component
    return f"{it.name} {with_whom} {it.value:.3g} {it.unit}, where its like have {outlier.expected:.3g}"

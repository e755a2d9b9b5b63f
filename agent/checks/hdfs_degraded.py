"""HDFS has lost DataNodes or copies of blocks."""

from collections.abc import Sequence
from enum import StrEnum

from agent.checks import Count, Fraction, Steadiness, Timed, Verdict, fault, healthy
from agent.checks.storage import each, label
from agent.sensors.storage.reading import Facts, Reading, Server
from wire.conditions import Severity

TYPE = "HdfsDegraded"
READS = "storage_hdfs"
WINDOW = 1
WORST = Severity.WARNING
ACTION = "start the DataNodes that are down (hdfs dfsadmin -report -dead); hdfs fsck / -list-corruptfileblocks"


class Thresholds(Steadiness, frozen=True):
    """One missing block is lost data: a fault at once in every vendor's alerts, and so here. ``dead_nodes`` is the
    fraction of DataNodes that may be dead; none by default, our judgement: a NameNode waits ten and a half minutes
    before it calls one dead (hdfs-default.xml, dfs.namenode.heartbeat.recheck-interval). Blocks with too few copies are
    judged by ``under_replicated``, their number: HDFS copies them anew by itself, and some hundred in work are
    ordinary. Safe mode is StorageServiceReadOnly's."""

    dead_nodes: Fraction = 0.0
    under_replicated: int = 1000
    bad: Count = 2
    of: Count = 3


class Reason(StrEnum):
    WHOLE = "whole"
    BLOCKS_MISSING = "blocks_missing"
    NODES_DEAD = "nodes_dead"
    UNDER_REPLICATED = "under_replicated"


def judge(window: Sequence[Timed[Reading]], thresholds: Thresholds) -> dict[str, Verdict]:
    return each(window, lambda server, facts: _one(server, facts, thresholds))


def _one(server: Server, facts: Facts, thresholds: Thresholds) -> Verdict | None:
    if facts.nodes_dead is None and facts.blocks_missing is None and facts.blocks_under_replicated is None:
        return None
    dead, nodes = facts.nodes_dead or 0, (facts.nodes_dead or 0) + (facts.nodes_live or 0)
    missing, few = facts.blocks_missing or 0, facts.blocks_under_replicated or 0
    message = (
        f"{label(server)}: {missing} blocks missing, {dead} of {nodes} DataNodes dead, {few} blocks with few copies"
    )
    if missing > 0:
        return fault(Severity.WARNING, Reason.BLOCKS_MISSING, message, ACTION)
    if dead > 0 and dead > thresholds.dead_nodes * nodes:
        return fault(Severity.WARNING, Reason.NODES_DEAD, message, ACTION)
    if few > thresholds.under_replicated:
        return fault(Severity.WARNING, Reason.UNDER_REPLICATED, message, ACTION)
    return healthy(Reason.WHOLE, message)

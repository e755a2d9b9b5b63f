"""A replica of a storage service is far behind its primary, or hears nothing from it."""

from collections.abc import Sequence
from enum import StrEnum

from agent.checks import Count, Steadiness, Timed, Verdict, fault, healthy
from agent.checks.storage import each, label
from agent.sensors.storage.reading import Facts, Reading, Role, Server
from wire.conditions import Severity

TYPE = "StorageReplicationLag"
READS = ("storage_mongodb", "storage_mysql", "storage_postgresql", "storage_redis")
WINDOW = 1
WORST = Severity.WARNING
ACTION = "look at the replica's log and load, and at the network to its primary; do not fail over to it meanwhile"


class Thresholds(Steadiness, frozen=True):
    """``seconds`` behind: 30, as the alerts have it that awesome-prometheus-alerts
    (https://samber.github.io/awesome-prometheus-alerts/rules) proposes for MySQL and PostgreSQL. Three looks: a
    replica catches up after a burst."""

    seconds: float = 30.0
    bad: Count = 3
    of: Count = 3


class Reason(StrEnum):
    REPLICA_CURRENT = "replica_current"
    REPLICA_BEHIND = "replica_behind"
    REPLICATION_STOPPED = "replication_stopped"


def judge(window: Sequence[Timed[Reading]], thresholds: Thresholds) -> dict[str, Verdict]:
    return each(window, lambda server, facts: _one(server, facts, thresholds))


def _one(server: Server, facts: Facts, thresholds: Thresholds) -> Verdict | None:
    """A primary has no lag; a replica may not be allowed to tell its own."""
    if facts.role is not Role.REPLICA or (facts.lag_s is None and facts.replicating is None):
        return None
    behind = "" if facts.lag_s is None else f", {facts.lag_s:.0f} s behind"
    if facts.replicating is False:
        message = f"{label(server)}: hears nothing from its primary{behind}"
        return fault(Severity.WARNING, Reason.REPLICATION_STOPPED, message, ACTION)
    message = f"{label(server)}: replica{behind}"
    if (facts.lag_s or 0.0) <= thresholds.seconds:
        return healthy(Reason.REPLICA_CURRENT, message)
    return fault(Severity.WARNING, Reason.REPLICA_BEHIND, message, ACTION)

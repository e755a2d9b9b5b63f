"""A storage service is near the most connections, memory or capacity that it has: next it refuses."""

from collections.abc import Sequence
from enum import StrEnum

from agent.checks import Count, Fraction, Steadiness, Timed, Verdict, fault, healthy
from agent.checks.storage import each, label
from agent.sensors.storage.reading import Facts, Reading, Server
from wire.conditions import Severity

TYPE = "StorageServiceFull"
READS = ("storage_hdfs", "storage_mongodb", "storage_mysql", "storage_postgresql", "storage_redis")
WINDOW = 1
WORST = Severity.WARNING
ACTION = "end idle clients or raise its limit (connections); delete old checkpoints, or enlarge it (capacity)"


class Thresholds(Steadiness, frozen=True):
    """Fractions of the service's own limits. ``connections`` 0.8 and ``capacity`` 0.9: what awesome-prometheus-alerts
    (https://samber.github.io/awesome-prometheus-alerts/rules) proposes for MySQL's and PostgreSQL's connections, and
    for Redis's memory. Capacity is judged where a full service refuses writes: HDFS, and Redis that does not evict."""

    connections: Fraction = 0.8
    capacity: Fraction = 0.9
    bad: Count = 2
    of: Count = 3


class Reason(StrEnum):
    ROOM_ENOUGH = "room_enough"
    CONNECTIONS_NEAR_LIMIT = "connections_near_limit"
    CAPACITY_NEAR_LIMIT = "capacity_near_limit"


def judge(window: Sequence[Timed[Reading]], thresholds: Thresholds) -> dict[str, Verdict]:
    return each(window, lambda server, facts: _one(server, facts, thresholds))


def _one(server: Server, facts: Facts, thresholds: Thresholds) -> Verdict | None:
    capacity = _share(facts.bytes_used, facts.bytes_most)
    connections = _share(facts.connections, facts.connections_most)
    if capacity is None and connections is None:
        return None
    if capacity is not None and capacity >= thresholds.capacity:
        message = f"{label(server)}: {capacity:.0%} of its capacity is used"
        return fault(Severity.WARNING, Reason.CAPACITY_NEAR_LIMIT, message, ACTION)
    if connections is not None and connections >= thresholds.connections:
        message = f"{label(server)}: {facts.connections} of {facts.connections_most} connections are used"
        return fault(Severity.WARNING, Reason.CONNECTIONS_NEAR_LIMIT, message, ACTION)
    return healthy(Reason.ROOM_ENOUGH, f"{label(server)} has room")


def _share(used: int | None, most: int | None) -> float | None:
    return used / most if used is not None and most is not None and most > 0 else None

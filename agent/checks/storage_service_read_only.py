"""A storage service takes no writes, or is not in the role that it must have."""

from collections.abc import Sequence
from enum import StrEnum

from agent.checks import Count, Steadiness, Timed, Verdict, fault, healthy
from agent.checks.storage import each, label
from agent.sensors.storage.reading import Facts, Reading, Role, Server
from wire.conditions import Severity

TYPE = "StorageServiceReadOnly"
READS = ("storage_hdfs", "storage_mongodb", "storage_mysql", "storage_postgresql", "storage_redis")
WINDOW = 1
WORST = Severity.WARNING
ACTION = "look for a fail-over, a full disk or safe mode there; point writers at the primary"


class Thresholds(Steadiness, frozen=True):
    """No number. A replica takes no writes by its nature: it is judged only when its server is ``wanted`` to be the
    primary. Two looks: our judgement, a fail-over takes a moment."""

    bad: Count = 2
    of: Count = 2


class Reason(StrEnum):
    ROLE_RIGHT = "role_right"
    NOT_WRITABLE = "not_writable"
    ROLE_WRONG = "role_wrong"


def judge(window: Sequence[Timed[Reading]], thresholds: Thresholds) -> dict[str, Verdict]:  # noqa: ARG001 - no number
    return each(window, _one)


def _one(server: Server, facts: Facts) -> Verdict | None:
    if facts.read_only is None and facts.role is Role.UNKNOWN:
        return None
    if Role.UNKNOWN not in (server.wanted, facts.role) and facts.role is not server.wanted:
        message = f"{label(server)}: is {facts.role}, must be {server.wanted}"
        return fault(Severity.WARNING, Reason.ROLE_WRONG, message, ACTION)
    if facts.read_only and facts.role is not Role.REPLICA:
        return fault(Severity.WARNING, Reason.NOT_WRITABLE, f"{label(server)}: takes no writes", ACTION)
    return healthy(Reason.ROLE_RIGHT, f"{label(server)}: role {facts.role}")

"""A storage service answers, but takes long."""

from collections.abc import Sequence
from enum import StrEnum

from agent.checks import Count, Steadiness, Timed, Verdict, fault, healthy
from agent.checks.storage import SERVICES, each, label
from agent.sensors.storage.reading import Facts, Reading, Server
from wire.conditions import Severity

TYPE = "StorageServiceSlow"
READS = SERVICES
WINDOW = 1
WORST = Severity.WARNING
ACTION = "look at the service's load, disks and network; if one node alone says so, at that node's network"


class Thresholds(Steadiness, frozen=True):
    """``seconds`` for connection, login and question together. 2 s is our judgement: on a local network all of it takes
    some 10 ms, TLS and a login that hashes many times some 100 ms. Three looks of five: one slow answer is none."""

    seconds: float = 2.0
    bad: Count = 3
    of: Count = 5


class Reason(StrEnum):
    QUICK = "quick"
    SLOW = "slow"


def judge(window: Sequence[Timed[Reading]], thresholds: Thresholds) -> dict[str, Verdict]:
    return each(window, lambda server, facts: _one(server, facts, thresholds))


def _one(server: Server, _facts: Facts, thresholds: Thresholds) -> Verdict:
    message = f"{label(server)} answers in {server.seconds:.3f} s"
    if server.seconds <= thresholds.seconds:
        return healthy(Reason.QUICK, message)
    return fault(Severity.WARNING, Reason.SLOW, message, ACTION)

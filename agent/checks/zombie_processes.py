"""Many dead processes that nobody waits for."""

from collections.abc import Sequence
from enum import StrEnum

from agent.checks import Count, Steadiness, Timed, Verdict, fault, healthy
from agent.sensors.processes import Reading
from wire.conditions import Severity

TYPE = "ZombieProcesses"
READS = "processes"
WINDOW = 1
WORST = Severity.WARNING
ACTION = "restart the parent that doesn't wait for its children: they keep process numbers"
NAMED = 3


class Thresholds(Steadiness, frozen=True):
    """TRUE when there are more than ``zombies``, for minutes. No public number; our judgement: data loaders of a node's
    ranks that end at once leave some dozens for a moment."""

    zombies: Count = 100
    bad: Count = 3
    of: Count = 4


class Reason(StrEnum):
    ZOMBIES_FEW = "zombies_few"
    ZOMBIES_MANY = "zombies_many"


def judge(window: Sequence[Timed[Reading]], thresholds: Thresholds) -> Verdict:
    reading = window[-1].reading
    parents = ", ".join(f"{name}: {count}" for name, count in list(reading.zombie_parents.items())[:NAMED])
    message = f"{reading.zombies} zombies" + (f" ({parents})" if parents else "")
    if reading.zombies <= thresholds.zombies:
        return healthy(Reason.ZOMBIES_FEW, message)
    return fault(Severity.WARNING, Reason.ZOMBIES_MANY, message, ACTION)

"""More runnable tasks than processors, for long."""

from collections.abc import Sequence
from enum import StrEnum

from agent.checks import Count, Steadiness, Timed, Verdict, fault, healthy
from agent.sensors.cpu import Reading
from wire.conditions import Severity

TYPE = "CpuOverload"
READS = "cpu"
WINDOW = 1
WORST = Severity.WARNING
ACTION = "look for processes that belong to no job"


class Thresholds(Steadiness, frozen=True):
    """Tasks that want to run: TRUE when more than ``load_per_core`` for every core.

    Default: node_exporter's mixin, alert NodeSystemSaturation (2 a core for 15 minutes).

    https://github.com/prometheus/node_exporter/tree/master/docs/node-mixin. Never critical: a high load makes a node
    slow and is no proof of a fault.
    """

    load_per_core: float = 2.0
    bad: Count = 3
    of: Count = 5
    good: Count = 3


class Reason(StrEnum):
    LOAD_NORMAL = "load_normal"
    LOAD_HIGH = "load_high"


def judge(window: Sequence[Timed[Reading]], thresholds: Thresholds) -> Verdict:
    reading = window[-1].reading
    load = reading.load_15m / max(reading.cores, 1)
    message = f"load {reading.load_15m:.1f} over 15 minutes on {reading.cores} cores"
    if not load > thresholds.load_per_core:
        return healthy(Reason.LOAD_NORMAL, message)
    limit = f"limit {thresholds.load_per_core:g} for each"
    return fault(Severity.WARNING, Reason.LOAD_HIGH, f"{message}, {limit}", ACTION)

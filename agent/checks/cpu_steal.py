"""A virtual machine whose host gives its processors to others."""

from collections.abc import Mapping, Sequence
from enum import StrEnum

from agent.checks import Count, Fraction, Steadiness, Timed, Verdict, fault, healthy
from agent.sensors.cpu import Reading
from wire.conditions import Severity

TYPE = "CpuSteal"
READS = "cpu"
WINDOW = 2
WORST = Severity.WARNING
ACTION = "ask who runs the host: another machine takes this one's processors"


class Thresholds(Steadiness, frozen=True):
    """TRUE when more than ``share`` of the processors' time was stolen between two looks, mostly.

    Default: 10 %, the number of Prometheus' usual rules (HostCpuStealNoisyNeighbor,
    https://samber.github.io/awesome-prometheus-alerts/rules.html).
    """

    share: Fraction = 0.10
    bad: Count = 15
    of: Count = 20
    good: Count = 5


class Reason(StrEnum):
    STEAL_LOW = "steal_low"
    STEAL_HIGH = "steal_high"


def judge(window: Sequence[Timed[Reading]], thresholds: Thresholds) -> Verdict | Mapping[str, Verdict]:
    """Nothing where the kernel tells no time stolen."""
    before, now = window[0].reading.seconds, window[-1].reading.seconds
    if "steal" not in before or "steal" not in now:
        return {}
    passed = sum(now.values()) - sum(before.values())
    share = (now["steal"] - before["steal"]) / passed if passed > 0 else 0.0
    message = f"{share:.0%} of the processors' time went to other machines of the host"
    if not share > thresholds.share:
        return healthy(Reason.STEAL_LOW, message)
    return fault(Severity.WARNING, Reason.STEAL_HIGH, message, ACTION)

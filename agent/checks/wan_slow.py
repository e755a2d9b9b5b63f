"""A place outside of the cluster takes long to answer."""

from collections.abc import Sequence
from enum import StrEnum

from agent.checks import Count, Steadiness, Timed, Verdict, fault, healthy
from agent.sensors import Seconds
from agent.sensors.wan import Answer, Reading
from wire.conditions import Severity

TYPE = "WanSlow"
READS = "wan"
WINDOW = 1
WORST = Severity.WARNING
ACTION = "look at the uplink's load, at name servers that time out, and at the other end"


class Thresholds(Steadiness, frozen=True):
    """``seconds`` for one answer. Default 1: our judgement; around the world and back is 0.3 s, a TLS handshake takes
    two such rounds, and the first try of a lost packet or of a dead name server costs a second and more.
    """

    seconds: Seconds = 1.0
    bad: Count = 3
    of: Count = 5
    good: Count = 3


class Reason(StrEnum):
    QUICK = "quick"
    SLOW = "slow"


def judge(window: Sequence[Timed[Reading]], thresholds: Thresholds) -> dict[str, Verdict]:
    """One that does not answer is left to WanUnreachable."""
    return {each.name: _one(each, thresholds) for each in window[-1].reading.answers if not each.error}


def _one(it: Answer, thresholds: Thresholds) -> Verdict:
    message = f"{it.name} ({it.kind}): {it.seconds * 1000:.0f} ms"
    if it.seconds <= thresholds.seconds:
        return healthy(Reason.QUICK, message)
    return fault(Severity.WARNING, Reason.SLOW, f"{message}, limit {thresholds.seconds * 1000:.0f}", ACTION)

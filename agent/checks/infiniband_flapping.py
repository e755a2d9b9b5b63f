"""An InfiniBand or RoCE port loses its link again and again."""

from collections.abc import Sequence
from enum import StrEnum

from agent.checks import Count, Steadiness, Timed, Verdict, fault, healthy
from agent.sensors.infiniband import Reading
from wire.conditions import Severity

TYPE = "InfinibandFlapping"
READS = "infiniband"
WINDOW = 1
ACTION = "drain the node; clean or exchange cable and transceiver; look at the switch port's counters"


class Thresholds(Steadiness, frozen=True):
    """The port's counter ``link_downed`` grew by ``downs`` within the sensor's ``flaps_over_s`` (twelve hours).

    Both are GPUd's (ib_port_flap: three times back to active in 12 h); GPUd counts only losses of 25 s and more, which
    it has to see, we count all that the port counted. NVSentinel takes a single one for fatal: a job dies of it, but a
    node that is relaunched on is well.
    """

    downs: Count = 3


class Reason(StrEnum):
    LINK_STEADY = "link_steady"
    LINK_FLAPS = "link_flaps"


def judge(window: Sequence[Timed[Reading]], thresholds: Thresholds) -> dict[str, Verdict]:
    reading = window[-1].reading
    return {
        port.name: _one(port.name, port.downed_lately, reading.flaps_over_s, thresholds)
        for port in reading.ports
        if port.downed_lately is not None
    }


def _one(name: str, downs: int, over_s: float, thresholds: Thresholds) -> Verdict:
    message = f"{name}: link lost {downs} times in {over_s / 3600:.3g} h"
    if downs < thresholds.downs:
        return healthy(Reason.LINK_STEADY, message)
    return fault(Severity.CRITICAL, Reason.LINK_FLAPS, message, ACTION)

"""A network link comes and goes."""

from collections.abc import Sequence
from enum import StrEnum

from agent.checks import Count, Steadiness, Timed, Verdict, fault, healthy
from agent.sensors.network import Reading
from wire.conditions import Severity

TYPE = "NetworkFlapping"
READS = "network"
WINDOW = 1
WORST = Severity.WARNING
ACTION = "reseat or exchange cable and transceiver; look at the switch port's log; drain the node if jobs fail by it"


class Thresholds(Steadiness, frozen=True):
    """A link that was lost ``downs`` times within the sensor's ``flaps_over_s`` (ten minutes).

    Default 2: kube-prometheus's NodeNetworkInterfaceFlapping fires at three changes of state within two minutes, which
    is two losses; that over ten minutes, because every loss of a link aborts what NCCL has under way, is our judgement.
    It counts what the kernel counted, so that a link that is back before the next look is seen.
    """

    downs: Count = 2


class Reason(StrEnum):
    LINK_STEADY = "link_steady"
    LINK_FLAPS = "link_flaps"


def judge(window: Sequence[Timed[Reading]], thresholds: Thresholds) -> dict[str, Verdict]:
    reading = window[-1].reading
    return {
        each.name: _one(each.name, each.downs_lately, reading.flaps_over_s, thresholds)
        for each in reading.interfaces
        if each.downs_lately is not None
    }


def _one(name: str, downs: int, over_s: float, thresholds: Thresholds) -> Verdict:
    message = f"{name}: link lost {downs} times in {over_s / 60:.0f} min"
    if downs < thresholds.downs:
        return healthy(Reason.LINK_STEADY, message)
    return fault(Severity.WARNING, Reason.LINK_FLAPS, message, ACTION)

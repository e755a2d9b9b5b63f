"""A network link is slower than it must be: it fell back when it was trained, or half of its lanes are gone."""

from collections.abc import Sequence
from enum import StrEnum

from agent.checks import Count, Steadiness, Timed, Verdict, fault, healthy
from agent.sensors.network import Interface, Reading
from wire.conditions import Severity

TYPE = "NetworkSlow"
READS = "network"
WINDOW = 1
WORST = Severity.WARNING
ACTION = "reseat cable and transceiver, look at the switch port's settings; then drain the node and train the link anew"


class Thresholds(Steadiness, frozen=True):
    """Slower than configured (``speed_mbps`` of the sensor), or, without that, than it was at its best since the
    machine started; half duplex is slow, too. A fast link that falls back is a fault at any rate, so there is no
    number here; one that was slow from the start shows only with a configured speed. Three looks: our judgement, so
    that a link that trains is left alone.
    """

    bad: Count = 3
    of: Count = 3


class Reason(StrEnum):
    FULL_SPEED = "full_speed"
    UNDER_EXPECTED_SPEED = "under_expected_speed"
    HALF_DUPLEX = "half_duplex"


def judge(window: Sequence[Timed[Reading]], thresholds: Thresholds) -> dict[str, Verdict]:  # noqa: ARG001 - how often, not how much
    judged = {interface.name: _one(interface) for interface in window[-1].reading.interfaces}
    return {name: verdict for name, verdict in judged.items() if verdict is not None}


def _one(it: Interface) -> Verdict | None:
    """None: no link, or a driver that does not say how fast. A bond's speed is the sum of its slaves', which are
    judged themselves."""
    if not it.carrier or it.speed_mbps is None or it.bond is not None:
        return None
    if it.expected_mbps is not None and it.speed_mbps < it.expected_mbps:
        message = f"{it.name}: {it.speed_mbps} Mbit/s, expected {it.expected_mbps}"
        return fault(Severity.WARNING, Reason.UNDER_EXPECTED_SPEED, message, ACTION)
    if it.duplex == "half":
        return fault(Severity.WARNING, Reason.HALF_DUPLEX, f"{it.name}: half duplex", ACTION)
    return healthy(Reason.FULL_SPEED, f"{it.name}: {it.speed_mbps} Mbit/s")

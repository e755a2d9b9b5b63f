"""An InfiniBand or RoCE port trained to a lower rate than it must have: the whole job runs at its speed."""

from collections.abc import Sequence
from enum import StrEnum

from agent.checks import Count, Steadiness, Timed, Verdict, fault, healthy
from agent.sensors.infiniband import Port, Reading
from wire.conditions import Severity

TYPE = "InfinibandSlow"
READS = "infiniband"
WINDOW = 1
ACTION = "drain the node, reseat cable and transceiver, train the link anew; exchange the cable if it comes again"
ACTIVE = 4


class Thresholds(Steadiness, frozen=True):
    """Under the configured rate (``rate_gbps`` of the sensor), or under the port's best since the machine started.
    GPUd judges the same against a configured at-least rate. Three looks, our judgement, so that a link that trains is
    left alone. Critical, because every collective waits for the slowest port.
    """

    bad: Count = 3
    of: Count = 3


class Reason(StrEnum):
    FULL_RATE = "full_rate"
    UNDER_EXPECTED_RATE = "under_expected_rate"


def judge(window: Sequence[Timed[Reading]], thresholds: Thresholds) -> dict[str, Verdict]:  # noqa: ARG001 - how often, not how much
    judged = {port.name: _one(port) for port in window[-1].reading.ports}
    return {name: verdict for name, verdict in judged.items() if verdict is not None}


def _one(port: Port) -> Verdict | None:
    """None: not active, or a driver that does not say how fast."""
    if port.state != ACTIVE or port.rate_gbps is None:
        return None
    message = f"{port.name}: {port.rate_gbps:g} Gbit/s" + (f" ({port.rate_name})" if port.rate_name else "")
    if port.expected_gbps is None or port.rate_gbps >= port.expected_gbps:
        return healthy(Reason.FULL_RATE, message)
    message += f", expected {port.expected_gbps:g}"
    return fault(Severity.CRITICAL, Reason.UNDER_EXPECTED_RATE, message, ACTION)

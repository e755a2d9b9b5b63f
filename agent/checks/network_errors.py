"""A network interface that damages packets."""

from collections.abc import Sequence
from enum import StrEnum

from agent.checks import Count, Fraction, Steadiness, Timed, Verdict, healthy
from agent.sensors.network import Interface, Reading
from wire.conditions import Severity, Status

TYPE = "NetworkErrors"
READS = "network"
WINDOW = 2


class Thresholds(Steadiness, frozen=True):
    """More than ``share`` errors a packet between two readings is a fault.

    Default: node_exporter's mixin, alerts NodeNetworkReceiveErrs and NodeNetworkTransmitErrs (1 %).
    ``least`` errors must have come, so that one in a quiet interval is no fault.
    """

    share: Fraction = 0.01
    least: Count = 10
    bad: Count = 3
    of: Count = 5
    good: Count = 3


class Reason(StrEnum):
    ERRORS_FEW = "errors_few"
    ERRORS_MANY = "errors_many"


def judge(window: Sequence[Timed[Reading]], thresholds: Thresholds) -> Verdict:
    before = {interface.name: interface for interface in window[0].reading.interfaces}
    grown = [
        (now.name, now.errors - before[now.name].errors)
        for now in window[-1].reading.interfaces
        if now.name in before and _bad(before[now.name], now, thresholds)
    ]
    if not grown:
        return healthy(Reason.ERRORS_FEW, f"{len(before)} interfaces without unusual errors")
    seconds = window[-1].at - window[0].at
    message = ", ".join(f"{name}: {errors} errors in {seconds:.0f} s" for name, errors in grown)
    return Verdict(Status.TRUE, Severity.WARNING, Reason.ERRORS_MANY, message, "check cable and transceiver")


def _bad(before: Interface, now: Interface, thresholds: Thresholds) -> bool:
    errors, packets = now.errors - before.errors, now.packets - before.packets
    return errors >= thresholds.least and errors > thresholds.share * max(packets, 1)

"""A network interface that must be up is not."""

from collections.abc import Sequence
from enum import StrEnum

from agent.checks import Count, Steadiness, Timed, Verdict, healthy
from agent.sensors.network import Reading
from wire.conditions import Severity, Status

TYPE = "NetworkDown"
READS = "network"
WINDOW = 1


class Thresholds(Steadiness, frozen=True):
    """Two looks in a row: a link that renegotiates is down for a moment."""

    bad: Count = 2
    of: Count = 2


class Reason(StrEnum):
    INTERFACES_UP = "interfaces_up"
    INTERFACE_MISSING = "interface_missing"
    INTERFACE_DOWN = "interface_down"


def judge(window: Sequence[Timed[Reading]], thresholds: Thresholds) -> Verdict:  # noqa: ARG001 - how often, not how much
    required = [interface for interface in window[-1].reading.interfaces if interface.required]
    missing = [interface.name for interface in required if not interface.present]
    down = [interface.name for interface in required if not interface.up]
    if missing:
        return _fault(Reason.INTERFACE_MISSING, f"no interface {', '.join(missing)} on this machine")
    if down:
        return _fault(Reason.INTERFACE_DOWN, f"{', '.join(down)} down")
    return healthy(Reason.INTERFACES_UP, f"{len(required)} required interfaces up")


def _fault(reason: Reason, message: str) -> Verdict:
    return Verdict(Status.TRUE, Severity.CRITICAL, reason, message, "check cable, switch port and driver")

"""A network interface that must have a link has none."""

from collections.abc import Sequence
from enum import StrEnum

from agent.checks import Count, Steadiness, Timed, Verdict, fault, healthy
from agent.sensors.network import Interface, Reading
from wire.conditions import Severity, Status

TYPE = "NetworkDown"
READS = "network"
WINDOW = 1
ACTION = "check cable, transceiver, switch port and driver; `ip link set IFACE up` if somebody took it down"


class Thresholds(Steadiness, frozen=True):
    """Two looks in a row: a link that trains anew is down for a moment.

    Critical: interfaces that are named in the configuration, and the one with the node's address. A warning: others
    that had a link since the machine started and have lost it; that these are told at all is our judgement, for on
    most nodes they are what training talks over. One that never had a link, or that somebody took down, is no fault.
    """

    bad: Count = 2
    of: Count = 2


class Reason(StrEnum):
    LINK_UP = "link_up"
    INTERFACE_MISSING = "interface_missing"
    TAKEN_DOWN = "taken_down"
    NO_LINK = "no_link"
    LINK_UNKNOWN = "link_unknown"


def judge(window: Sequence[Timed[Reading]], thresholds: Thresholds) -> dict[str, Verdict]:  # noqa: ARG001 - how often, not how much
    judged = {interface.name: _one(interface) for interface in window[-1].reading.interfaces}
    return {name: verdict for name, verdict in judged.items() if verdict is not None}


def _one(it: Interface) -> Verdict | None:
    """None: it need not be up. A bond's own slaves are NetworkBondDegraded's."""
    needed = it.required or it.carries_address
    severity = Severity.CRITICAL if needed else Severity.WARNING
    if not it.present:
        return fault(severity, Reason.INTERFACE_MISSING, f"{it.name}: not on this machine", ACTION) if needed else None
    if not needed and (it.master or not it.had_link or not it.admin_up):
        return None
    if not it.admin_up:
        return fault(severity, Reason.TAKEN_DOWN, f"{it.name}: taken down", ACTION)
    if it.carrier is None:
        return Verdict(Status.UNKNOWN, Severity.WARNING, Reason.LINK_UNKNOWN, f"{it.name}: does not say")
    if it.carrier and it.operstate not in ("down", "lowerlayerdown", "notpresent"):
        return healthy(Reason.LINK_UP, f"{it.name}: up")
    return fault(severity, Reason.NO_LINK, f"{it.name}: no link ({it.operstate or 'no carrier'})", ACTION)

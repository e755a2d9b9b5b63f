"""A bond runs on fewer links than it has."""

from collections.abc import Sequence
from enum import StrEnum

from agent.checks import Count, Steadiness, Timed, Verdict, fault, healthy
from agent.sensors.network import Bond, Reading
from wire.conditions import Severity

TYPE = "NetworkBondDegraded"
READS = "network"
WINDOW = 1
ACTION = "check the named links' cables, transceivers and switch ports, and LACP on the switch; jobs go on, slower"


class Thresholds(Steadiness, frozen=True):
    """Any slave that carries nothing: node_exporter's mixin, alert NodeBondingDegraded (``node_bonding_slaves -
    node_bonding_active != 0``). In mode 802.3ad a slave outside the aggregator in use counts, too, and one that left
    the bond since the machine started. Three looks, where the mixin waits five minutes: our judgement.
    """

    bad: Count = 3
    of: Count = 3


class Reason(StrEnum):
    BOND_WHOLE = "bond_whole"
    SLAVES_INACTIVE = "slaves_inactive"
    NO_SLAVE_ACTIVE = "no_slave_active"


def judge(window: Sequence[Timed[Reading]], thresholds: Thresholds) -> dict[str, Verdict]:  # noqa: ARG001 - how often, not how much
    bonds = {each.name: each.bond for each in window[-1].reading.interfaces}
    return {name: _one(name, bond) for name, bond in bonds.items() if bond is not None and bond.slaves}


def _one(name: str, bond: Bond) -> Verdict:
    inactive = [slave for slave in bond.slaves if slave not in bond.active]
    message = f"{name} ({bond.mode}): {len(bond.slaves) - len(inactive)} of {len(bond.slaves)} links active"
    if not inactive:
        return healthy(Reason.BOND_WHOLE, message)
    message += f", not {', '.join(inactive)}"
    if len(inactive) == len(bond.slaves):
        return fault(Severity.CRITICAL, Reason.NO_SLAVE_ACTIVE, message, ACTION)
    return fault(Severity.WARNING, Reason.SLAVES_INACTIVE, message, ACTION)

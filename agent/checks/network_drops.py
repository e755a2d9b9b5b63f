"""A network interface drops packets: rings or queues that are too small, or a machine that does not keep up."""

from collections.abc import Sequence
from enum import StrEnum

from agent.checks import Count, Fraction, Steadiness, Timed, Verdict, fault, healthy
from agent.checks.pairs import each_pair, grown
from agent.sensors.network import Interface, Reading
from wire.conditions import Severity

TYPE = "NetworkDrops"
READS = "network"
WINDOW = 2
WORST = Severity.WARNING
ACTION = "enlarge rings and queues (`ethtool -G`), spread interrupts over CPUs, look for congestion and flow control"


class Thresholds(Steadiness, frozen=True):
    """More than ``share`` dropped packets, of all packets of one direction, between two looks.

    Default 2 %: Netdata's inbound_packets_dropped_ratio and outbound_packets_dropped_ratio (health.d/net.conf). Packets
    the card had no room for (rx_missed_errors) count as received and dropped. ``least`` packets must have been dropped:
    our judgement, because Linux counts frames of protocols that it does not speak (LLDP, spanning tree) as dropped,
    which on a quiet interface is a large share of little.
    """

    share: Fraction = 0.02
    least: Count = 200
    bad: Count = 3
    of: Count = 5
    good: Count = 3


class Reason(StrEnum):
    DROPS_FEW = "drops_few"
    RECEIVE_DROPS = "receive_drops"
    TRANSMIT_DROPS = "transmit_drops"


def judge(window: Sequence[Timed[Reading]], thresholds: Thresholds) -> dict[str, Verdict]:
    return each_pair(
        window,
        lambda reading: reading.interfaces,
        lambda it: it.name,
        lambda before, now, seconds: _one(before, now, seconds, thresholds),
    )


def _one(before: Interface, now: Interface, seconds: float, thresholds: Thresholds) -> Verdict | None:
    received, sent = grown(before.rx_dropped, now.rx_dropped), grown(before.tx_dropped, now.tx_dropped)
    missed = grown(before.rx_missed_errors, now.rx_missed_errors) or 0
    if received is None and sent is None:
        return None
    if _many((received or 0) + missed, grown(before.rx_packets, now.rx_packets), thresholds):
        message = f"{now.name}: {received or 0} dropped and {missed} missed when received, in {seconds:.0f} s"
        return fault(Severity.WARNING, Reason.RECEIVE_DROPS, message, ACTION)
    if _many(sent or 0, grown(before.tx_packets, now.tx_packets), thresholds):
        message = f"{now.name}: {sent} dropped instead of being sent, in {seconds:.0f} s"
        return fault(Severity.WARNING, Reason.TRANSMIT_DROPS, message, ACTION)
    return healthy(Reason.DROPS_FEW, f"{now.name}: {(received or 0) + missed} and {sent or 0} dropped")


def _many(dropped: int, passed: int | None, thresholds: Thresholds) -> bool:
    return dropped >= thresholds.least and dropped > thresholds.share * ((passed or 0) + dropped)

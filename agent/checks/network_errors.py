"""A network interface damages packets."""

from collections.abc import Sequence
from enum import StrEnum

from agent.checks import Count, Fraction, Steadiness, Timed, Verdict, fault, healthy
from agent.checks.pairs import each_pair, grown
from agent.sensors.network import Interface, Reading
from wire.conditions import Severity

TYPE = "NetworkErrors"
READS = "network"
WINDOW = 2
WORST = Severity.WARNING
ACTION = "clean or exchange cable and transceiver; drain the node if jobs end with peer_error"


class Thresholds(Steadiness, frozen=True):
    """More than ``share`` errors a packet of one direction, between two looks.

    Default: node_exporter's mixin, alerts NodeNetworkReceiveErrs and NodeNetworkTransmitErrs (1 %). ``least`` errors
    must have come, so that one in a quiet interval is no fault; that, and three looks of five instead of the mixin's
    hour, is our judgement.
    """

    share: Fraction = 0.01
    least: Count = 10
    bad: Count = 3
    of: Count = 5
    good: Count = 3


class Reason(StrEnum):
    ERRORS_FEW = "errors_few"
    RECEIVE_ERRORS = "receive_errors"
    TRANSMIT_ERRORS = "transmit_errors"


def judge(window: Sequence[Timed[Reading]], thresholds: Thresholds) -> dict[str, Verdict]:
    return each_pair(
        window,
        lambda reading: reading.interfaces,
        lambda it: it.name,
        lambda before, now, seconds: _one(before, now, seconds, thresholds),
    )


def _one(before: Interface, now: Interface, seconds: float, thresholds: Thresholds) -> Verdict | None:
    received, sent = grown(before.rx_errors, now.rx_errors), grown(before.tx_errors, now.tx_errors)
    if received is None and sent is None:
        return None
    crc, lost = grown(before.rx_crc_errors, now.rx_crc_errors) or 0, grown(before.collisions, now.collisions) or 0
    if _many(received, grown(before.rx_packets, now.rx_packets), thresholds):
        message = f"{now.name}: {received} receive errors in {seconds:.0f} s ({crc} checksums)"
        return fault(Severity.WARNING, Reason.RECEIVE_ERRORS, message, ACTION)
    if _many(sent, grown(before.tx_packets, now.tx_packets), thresholds):
        message = f"{now.name}: {sent} transmit errors in {seconds:.0f} s ({lost} collisions)"
        return fault(Severity.WARNING, Reason.TRANSMIT_ERRORS, message, ACTION)
    return healthy(Reason.ERRORS_FEW, f"{now.name}: {received or 0} receive, {sent or 0} transmit errors")


def _many(errors: int | None, packets: int | None, thresholds: Thresholds) -> bool:
    return errors is not None and errors >= thresholds.least and errors > thresholds.share * max(packets or 0, 1)

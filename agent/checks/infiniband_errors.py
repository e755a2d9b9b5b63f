"""An InfiniBand or RoCE port counts errors: a cable or transceiver goes bad, mostly long before the link is lost."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Annotated

import msgspec

from agent.checks import Steadiness, Timed, Verdict, fault, healthy
from agent.sensors.infiniband import Reading
from wire.conditions import Severity

TYPE = "InfinibandErrors"
READS = "infiniband"
WINDOW = 1
ACTION = "clean or exchange cable and transceiver when the node is free; `ibdiagnet` names the bad end"

PerHour = Annotated[int, msgspec.Meta(ge=0)]


class Thresholds(Steadiness, frozen=True):
    """More than so many within the last hour, by the kernel's name of the counter.

    ``symbol_error``: 120 an hour is what the InfiniBand specification's bit error rate of 10^-12 allows
    (https://docs.oracle.com/cd/E19654-01/820-7751-12/z40004881932077.html). ``local_link_integrity_errors`` and
    ``excessive_buffer_overrun_errors``: none, and critical (NVSentinel's NIC health monitor, both fatal).
    ``port_xmit_discards``: 100 a second, the same source's. ``link_error_recovery``: 5, our judgement; NVSentinel says
    5 a minute, but the link stands still in each. ``port_rcv_errors``: as for symbols, our judgement; NVSentinel says
    10 a second.

    Not judged, and only shown as metrics, because a peer that dies makes them grow on healthy nodes: timeouts,
    sequence errors, retries; and VL15_dropped, of the subnet manager's packets.
    """

    symbol_error: PerHour = 120
    link_error_recovery: PerHour = 5
    port_rcv_errors: PerHour = 120
    port_xmit_discards: PerHour = 360_000
    local_link_integrity_errors: PerHour = 0
    excessive_buffer_overrun_errors: PerHour = 0


FATAL = ("local_link_integrity_errors", "excessive_buffer_overrun_errors")
WORN = ("symbol_error", "link_error_recovery", "port_rcv_errors", "port_xmit_discards")


class Reason(StrEnum):
    ERRORS_FEW = "errors_few"
    SIGNAL_BAD = "signal_bad"
    LINK_BROKEN = "link_broken"


def judge(window: Sequence[Timed[Reading]], thresholds: Thresholds) -> dict[str, Verdict]:
    ports = window[-1].reading.ports
    return {port.name: _one(port.name, port.last_hour, thresholds) for port in ports if port.last_hour}


def _one(name: str, last_hour: Mapping[str, int], thresholds: Thresholds) -> Verdict:
    def beyond(counters: Sequence[str]) -> list[str]:
        found = [(each, last_hour.get(each, 0), getattr(thresholds, each)) for each in counters]
        return [f"{each} {count} (limit {limit})" for each, count, limit in found if count > limit]

    broken, worn = beyond(FATAL), beyond(WORN)
    if not broken and not worn:
        return healthy(Reason.ERRORS_FEW, f"{name}: few errors in the last hour")
    message = f"{name}: in the last hour {', '.join(broken + worn)}"
    severity, reason = (Severity.CRITICAL, Reason.LINK_BROKEN) if broken else (Severity.WARNING, Reason.SIGNAL_BAD)
    return fault(severity, reason, message, ACTION)

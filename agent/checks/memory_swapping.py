"""Memory that is read back from swap all the time."""

from collections.abc import Mapping, Sequence
from enum import StrEnum

from agent.checks import Count, Steadiness, Timed, Verdict, fault, healthy
from agent.sensors.memory import Reading
from wire.conditions import Severity

TYPE = "MemorySwapping"
READS = "memory"
WINDOW = 2
WORST = Severity.WARNING
ACTION = "look for processes that belong to no job; give the job less memory or the node no swap"


class Thresholds(Steadiness, frozen=True):
    """TRUE when more than ``pages_per_second`` come back from swap, for minutes.

    Default: node_exporter's mixin, alert NodeMemoryMajorPagesFaults (500 a second for 15 minutes), of which pages from
    swap are the part that no file explains.
    """

    pages_per_second: float = 500.0
    bad: Count = 15
    of: Count = 20
    good: Count = 5


class Reason(StrEnum):
    SWAP_QUIET = "swap_quiet"
    SWAP_BUSY = "swap_busy"


def judge(window: Sequence[Timed[Reading]], thresholds: Thresholds) -> Verdict | Mapping[str, Verdict]:
    before, now = window[0].reading.swapped_in, window[-1].reading.swapped_in
    if before is None or now is None or not window[-1].reading.swap_total:
        return {}
    seconds = max(window[-1].at - window[0].at, 1.0)
    rate = max(now - before, 0) / seconds
    message = f"{rate:.0f} pages a second come back from swap"
    if not rate > thresholds.pages_per_second:
        return healthy(Reason.SWAP_QUIET, message)
    return fault(Severity.WARNING, Reason.SWAP_BUSY, message, ACTION)

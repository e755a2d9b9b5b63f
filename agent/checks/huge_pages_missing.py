"""Fewer huge pages than the node should have."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Annotated

import msgspec

from agent.checks import Steadiness, Timed, Verdict, fault, healthy
from agent.sensors.memory import Reading
from wire.conditions import Severity

TYPE = "HugePagesMissing"
READS = "memory"
WINDOW = 1
WORST = Severity.WARNING
ACTION = "set vm.nr_hugepages again, early after boot: fragmented memory has room for few"


class Thresholds(Steadiness, frozen=True):
    """``expected``: huge pages of the default size (vm.nr_hugepages,
    https://docs.kernel.org/admin-guide/mm/hugetlbpage.html); 0: not judged."""

    expected: Annotated[int, msgspec.Meta(ge=0)] = 0


class Reason(StrEnum):
    HUGE_PAGES_COMPLETE = "huge_pages_complete"
    HUGE_PAGES_MISSING = "huge_pages_missing"


def judge(window: Sequence[Timed[Reading]], thresholds: Thresholds) -> Verdict | Mapping[str, Verdict]:
    if not thresholds.expected:
        return {}
    pages = window[-1].reading.huge_pages
    message = f"{pages} of {thresholds.expected} huge pages there"
    if pages >= thresholds.expected:
        return healthy(Reason.HUGE_PAGES_COMPLETE, message)
    return fault(Severity.WARNING, Reason.HUGE_PAGES_MISSING, message, ACTION)

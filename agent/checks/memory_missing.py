"""Less memory than the machine should have: a module was lost."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Annotated

import msgspec

from agent.checks import Fraction, Steadiness, Timed, Verdict, fault, healthy
from agent.sensors.memory import Reading
from wire.conditions import Severity

TYPE = "MemoryMissing"
READS = "memory"
WINDOW = 1
ACTION = "look for a module that firmware disabled; it needs repair"
GIB = 2**30


class Thresholds(Steadiness, frozen=True):
    """``expected_gib``: what is installed; 0: not judged. ``fudge``: what firmware and kernel keep for themselves.

    As NHC's check_hw_physmem (https://github.com/mej/nhc#check_hw_physmem), whose examples allow 3 to 5 %.
    """

    expected_gib: Annotated[float, msgspec.Meta(ge=0)] = 0.0
    fudge: Fraction = 0.05


class Reason(StrEnum):
    MEMORY_COMPLETE = "memory_complete"
    MEMORY_MISSING = "memory_missing"


def judge(window: Sequence[Timed[Reading]], thresholds: Thresholds) -> Verdict | Mapping[str, Verdict]:
    if not thresholds.expected_gib:
        return {}
    total = window[-1].reading.total / GIB
    message = f"{total:.0f} of {thresholds.expected_gib:g} GiB there"
    if total >= thresholds.expected_gib * (1 - thresholds.fudge):
        return healthy(Reason.MEMORY_COMPLETE, message)
    return fault(Severity.CRITICAL, Reason.MEMORY_MISSING, message, ACTION)

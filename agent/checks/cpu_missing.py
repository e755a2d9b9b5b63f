"""Fewer processors than the machine should have."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Annotated

import msgspec

from agent.checks import Steadiness, Timed, Verdict, fault, healthy
from agent.sensors.cpu_clock import Reading
from wire.conditions import Severity

TYPE = "CpuMissing"
READS = "cpu_clock"
WINDOW = 1
ACTION = "look at firmware settings and kernel parameters (maxcpus, nosmt); a lost socket needs repair"


class Thresholds(Steadiness, frozen=True):
    """``expected``: processors, as ``nproc --all`` counts them; 0: not judged. As NHC's check_hw_cpuinfo:
    https://github.com/mej/nhc#check_hw_cpuinfo"""

    expected: Annotated[int, msgspec.Meta(ge=0)] = 0


class Reason(StrEnum):
    PROCESSORS_COMPLETE = "processors_complete"
    PROCESSORS_MISSING = "processors_missing"


def judge(window: Sequence[Timed[Reading]], thresholds: Thresholds) -> Verdict | Mapping[str, Verdict]:
    if not thresholds.expected:
        return {}
    online = window[-1].reading.cpus_online
    message = f"{online} of {thresholds.expected} processors in use"
    if online >= thresholds.expected:
        return healthy(Reason.PROCESSORS_COMPLETE, message)
    return fault(Severity.CRITICAL, Reason.PROCESSORS_MISSING, message, ACTION)

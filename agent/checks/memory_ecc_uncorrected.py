"""A memory error that the hardware could not correct."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Annotated

import msgspec

from agent.checks import Clears, Steadiness, Timed, Verdict, fault, healthy
from agent.sensors.memory_ecc import Module, Reading
from wire.conditions import Severity

TYPE = "MemoryEccUncorrected"
READS = "memory_ecc"
WINDOW = 1
CLEARS = Clears.REBOOT
ACTION = "drain the node and reboot it; replace the module when it does it again"


class Thresholds(Steadiness, frozen=True):
    """TRUE when a module had more than ``errors`` since boot. Default: any; mcelog's uc-error-threshold is 1 in 24
    hours (https://github.com/andikleen/mcelog/blob/master/mcelog.conf)."""

    errors: Annotated[int, msgspec.Meta(ge=0)] = 0


class Reason(StrEnum):
    NO_UNCORRECTED_ERRORS = "no_uncorrected_errors"
    UNCORRECTED_ERRORS = "uncorrected_errors"


def judge(window: Sequence[Timed[Reading]], thresholds: Thresholds) -> Mapping[str, Verdict]:
    """By module."""
    return {module.name: _judge(module, thresholds) for module in window[-1].reading.modules}


def _judge(module: Module, thresholds: Thresholds) -> Verdict:
    message = f"{module.uncorrected} uncorrected errors since boot"
    if module.uncorrected <= thresholds.errors:
        return healthy(Reason.NO_UNCORRECTED_ERRORS, message)
    return fault(Severity.CRITICAL, Reason.UNCORRECTED_ERRORS, message, ACTION)

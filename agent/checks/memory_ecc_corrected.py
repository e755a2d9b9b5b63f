"""A memory module whose errors the hardware corrects too often."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Annotated

import msgspec

from agent.checks import Steadiness, Timed, Verdict, fault, healthy
from agent.sensors.memory_ecc import Module, Reading
from wire.conditions import Severity

TYPE = "MemoryEccCorrected"
READS = "memory_ecc"
WINDOW = 1
WORST = Severity.WARNING
ACTION = "replace the module at the next maintenance: one with many corrected errors sooner has one that is not"


class Thresholds(Steadiness, frozen=True):
    """TRUE when a module had more than ``per_day`` corrected errors within 24 hours.

    Default: mcelog's ce-error-threshold of sockets, 100 in 24 hours
    (https://github.com/andikleen/mcelog/blob/master/mcelog.conf). That such modules go on to fail: Schroeder, Pinheiro,
    Weber, "DRAM Errors in the Wild", SIGMETRICS 2009.
    """

    per_day: Annotated[int, msgspec.Meta(ge=0)] = 100


class Reason(StrEnum):
    FEW_CORRECTED_ERRORS = "few_corrected_errors"
    MANY_CORRECTED_ERRORS = "many_corrected_errors"


def judge(window: Sequence[Timed[Reading]], thresholds: Thresholds) -> Mapping[str, Verdict]:
    """By module."""
    return {module.name: _judge(module, thresholds) for module in window[-1].reading.modules}


def _judge(module: Module, thresholds: Thresholds) -> Verdict:
    message = f"{module.corrected_day} corrected errors within a day"
    if module.corrected_day <= thresholds.per_day:
        return healthy(Reason.FEW_CORRECTED_ERRORS, message)
    return fault(Severity.WARNING, Reason.MANY_CORRECTED_ERRORS, message, ACTION)

"""A busy GPU runs at a crawl, and nothing that it tells explains it."""

from collections.abc import Sequence
from enum import StrEnum

from agent.checks import Count, Fraction, Steadiness, Timed, Verdict, fault, healthy
from agent.checks.nvidia import each, label
from agent.sensors.gpu_nvml import Gpu, Reading
from wire.conditions import Severity

TYPE = "GpuClockLow"
READS = ("gpu_nvml", "gpu_amd")
WINDOW = 1
WORST = Severity.WARNING
ACTION = "reset the GPU at the next occasion, or reboot; such a GPU slows down the whole job"
EXPLAINED = 0x02 | 0x08 | 0x20 | 0x40 | 0x80  # clocks set by a person, and what GpuSlowdown judges


class Thresholds(Steadiness, frozen=True):
    """An SM clock below ``share`` of the GPU's most while it is ``busy_percent`` busy. Our judgement: the power cap
    alone takes a GPU under full load to about two thirds of its highest clock, and one that hangs at its base or idle
    clock is far below half. Clocks that somebody set are not judged, nor those that heat or the power brake lowers.

    Nine looks of twelve: clock and utilisation are new in each third look."""

    share: Fraction = 0.4
    busy_percent: float = 90.0
    bad: Count = 9
    of: Count = 12
    good: Count = 6


class Reason(StrEnum):
    CLOCK_NORMAL = "clock_normal"
    CLOCK_STUCK_LOW = "clock_stuck_low"


def judge(window: Sequence[Timed[Reading]], thresholds: Thresholds) -> dict[str, Verdict]:
    return each(window[-1].reading.gpus, lambda gpu: _one(gpu, thresholds))


def _one(gpu: Gpu, thresholds: Thresholds) -> Verdict | None:
    if gpu.sm_clock_mhz is None or not gpu.sm_clock_max_mhz:
        return None
    message = f"{label(gpu)}: SM clock {gpu.sm_clock_mhz} of {gpu.sm_clock_max_mhz} MHz, {gpu.utilization} % busy"
    busy = gpu.utilization is not None and gpu.utilization >= thresholds.busy_percent
    explained = (gpu.clock_reasons or 0) & EXPLAINED
    if not busy or explained or gpu.sm_clock_mhz >= thresholds.share * gpu.sm_clock_max_mhz:
        return healthy(Reason.CLOCK_NORMAL, message)
    return fault(Severity.WARNING, Reason.CLOCK_STUCK_LOW, message, ACTION)

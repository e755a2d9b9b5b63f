"""A GPU draws more than its power limit."""

from collections.abc import Sequence
from enum import StrEnum

from agent.checks import Count, Fraction, Steadiness, Timed, Verdict, fault, healthy
from agent.checks.nvidia import each, label
from agent.sensors.gpu_nvml import Gpu, Reading
from wire.conditions import Severity

TYPE = "GpuPowerOverLimit"
READS = ("gpu_nvml", "gpu_amd")
WINDOW = 1
WORST = Severity.WARNING
ACTION = "reset the GPU at the next occasion; if it goes on, have it exchanged: its power control does not work"


class Thresholds(Steadiness, frozen=True):
    """More than ``tolerance`` above the limit in force: our judgement. NVML promises 5 % on Fermi and Kepler and gives
    no number since; from Ampere on, but for GA100, it tells the mean of a second (nvmlDeviceGetPowerUsage,
    https://docs.nvidia.com/deploy/nvml-api/group__nvmlDeviceQueries.html). Control swings around the limit. DCGM leaves
    its power policy's limit to the operator. Nine looks of twelve: power is new in each third look."""

    tolerance: Fraction = 0.10
    bad: Count = 9
    of: Count = 12
    good: Count = 6


class Reason(StrEnum):
    POWER_NORMAL = "power_normal"
    POWER_OVER_LIMIT = "power_over_limit"


def judge(window: Sequence[Timed[Reading]], thresholds: Thresholds) -> dict[str, Verdict]:
    return each(window[-1].reading.gpus, lambda gpu: _one(gpu, thresholds))


def _one(gpu: Gpu, thresholds: Thresholds) -> Verdict | None:
    if gpu.power_w is None or not gpu.power_limit_w:
        return None
    message = f"{label(gpu)}: {gpu.power_w:.0f} W, limit {gpu.power_limit_w:.0f} W"
    if gpu.power_w <= gpu.power_limit_w * (1 + thresholds.tolerance):
        return healthy(Reason.POWER_NORMAL, message)
    return fault(Severity.WARNING, Reason.POWER_OVER_LIMIT, message, ACTION)

"""A GPU's memory has many errors that are corrected: mostly the ones that are not come next."""

from collections.abc import Sequence
from enum import StrEnum

from agent.checks import Count, Steadiness, Timed, Verdict, fault, healthy
from agent.checks.nvidia import each_pair, grown, label
from agent.sensors.gpu_nvml_health import Gpu, Reading
from wire.conditions import Severity

TYPE = "GpuEccCorrected"
READS = ("gpu_nvml_health", "gpu_amd_health")
WINDOW = 2
WORST = Severity.WARNING
ACTION = "watch it; run memory diagnostics when the node is free"


class Thresholds(Steadiness, frozen=True):
    """``per_minute``: our judgement. DCGM's source has the number 10 for single-bit errors, calls it a dummy and does
    not use it (DCGM_LIMIT_MAX_SBE_RATE in common/DcgmGPUHardwareLimits.h, https://github.com/NVIDIA/DCGM)."""

    per_minute: float = 10.0
    bad: Count = 2
    of: Count = 3


class Reason(StrEnum):
    CORRECTED_ERRORS_FEW = "corrected_errors_few"
    CORRECTED_ERRORS_MANY = "corrected_errors_many"


def judge(window: Sequence[Timed[Reading]], thresholds: Thresholds) -> dict[str, Verdict]:
    return each_pair(window, lambda before, now, seconds: _one(before, now, seconds, thresholds))


def _one(before: Gpu, now: Gpu, seconds: float, thresholds: Thresholds) -> Verdict | None:
    if now.ecc_corrected is None:
        return None
    rate = grown(before.ecc_corrected, now.ecc_corrected) * 60 / seconds
    message = f"{label(now)}: {rate:.1f} corrected memory errors a minute"
    if rate <= thresholds.per_minute:
        return healthy(Reason.CORRECTED_ERRORS_FEW, message)
    return fault(Severity.WARNING, Reason.CORRECTED_ERRORS_MANY, message, ACTION)

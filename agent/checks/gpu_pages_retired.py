"""A GPU older than Ampere has retired so many pages of its memory that it must be exchanged."""

from collections.abc import Sequence
from enum import StrEnum

from agent.checks import Count, Steadiness, Timed, Verdict, fault, healthy
from agent.checks.nvidia import each, label
from agent.sensors.gpu_nvml_health import Gpu, Reading
from wire.conditions import Severity

TYPE = "GpuPagesRetired"
READS = "gpu_nvml_health"
WINDOW = 1
ACTION = "drain the node, run NVIDIA's field diagnostics, have the GPU exchanged"


class Thresholds(Steadiness, frozen=True):
    """``pages``, for corrected and uncorrectable errors together: DCGM fails a GPU from there on, as NVIDIA's field
    diagnostic does (DCGM_LIMIT_MAX_RETIRED_PAGES in common/DcgmGPUHardwareLimits.h, https://github.com/NVIDIA/DCGM);
    the GPU has room for 64. A retired page stays retired, so does the condition. Rows that Ampere and later remap
    instead have no such number: GpuRowRemapFailed is NVIDIA's own criterion."""

    pages: Count = 63


class Reason(StrEnum):
    PAGES_FEW = "pages_few"
    PAGES_MANY = "pages_many"


def judge(window: Sequence[Timed[Reading]], thresholds: Thresholds) -> dict[str, Verdict]:
    return each(window[-1].reading.gpus, lambda gpu: _one(gpu, thresholds))


def _one(gpu: Gpu, thresholds: Thresholds) -> Verdict | None:
    if gpu.retired_corrected is None and gpu.retired_uncorrected is None:
        return None
    pages = (gpu.retired_corrected or 0) + (gpu.retired_uncorrected or 0)
    message = f"{label(gpu)}: {pages} memory pages retired"
    if pages < thresholds.pages:
        return healthy(Reason.PAGES_FEW, message)
    return fault(Severity.CRITICAL, Reason.PAGES_MANY, f"{message}, limit {thresholds.pages}", ACTION)

"""A GPU (NVIDIA's before Ampere, AMD's) will retire bad memory pages at its next reset."""

from collections.abc import Sequence
from enum import StrEnum

from agent.checks import Steadiness, Timed, Verdict, fault, healthy
from agent.checks.nvidia import each, label
from agent.sensors.gpu_nvml_health import Gpu, Reading
from wire.conditions import Severity

TYPE = "GpuPagesPending"
READS = ("gpu_nvml_health", "gpu_amd_health")
WINDOW = 1
WORST = Severity.WARNING
ACTION = "reset the GPU, or reboot, when no job is on it"


class Thresholds(Steadiness, frozen=True):
    """No number: a flag of the driver. NVIDIA's "Dynamic Page Retirement"
    (https://docs.nvidia.com/deploy/dynamic-page-retirement/): the page is set aside when the driver attaches to the GPU
    the next time, and not before."""


class Reason(StrEnum):
    NO_PAGES_PENDING = "no_pages_pending"
    PAGES_PENDING = "pages_pending"


def judge(window: Sequence[Timed[Reading]], thresholds: Thresholds) -> dict[str, Verdict]:  # noqa: ARG001 - no number
    return each(window[-1].reading.gpus, _one)


def _one(gpu: Gpu) -> Verdict | None:
    if gpu.retired_pending is None:
        return None
    if not gpu.retired_pending:
        return healthy(Reason.NO_PAGES_PENDING, f"{label(gpu)}: no pages pending")
    return fault(Severity.WARNING, Reason.PAGES_PENDING, f"{label(gpu)}: memory pages wait to be retired", ACTION)

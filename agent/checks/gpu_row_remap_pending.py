"""A GPU will put spare memory rows in place of bad ones at its next reset."""

from collections.abc import Sequence
from enum import StrEnum

from agent.checks import Steadiness, Timed, Verdict, fault, healthy
from agent.checks.nvidia import each, label
from agent.sensors.gpu_nvml_health import Gpu, Reading
from wire.conditions import Severity

TYPE = "GpuRowRemapPending"
READS = "gpu_nvml_health"
WINDOW = 1
WORST = Severity.WARNING
ACTION = "reset the GPU when no job is on it"


class Thresholds(Steadiness, frozen=True):
    """No number: a flag of the driver. NVIDIA's "GPU Memory Error Management"
    (https://docs.nvidia.com/deploy/a100-gpu-mem-error-mgmt/): work may go on and begin; the reset can wait for an
    occasion. So it is a warning."""


class Reason(StrEnum):
    NO_REMAP_PENDING = "no_remap_pending"
    ROW_REMAP_PENDING = "row_remap_pending"


def judge(window: Sequence[Timed[Reading]], thresholds: Thresholds) -> dict[str, Verdict]:  # noqa: ARG001 - no number
    return each(window[-1].reading.gpus, _one)


def _one(gpu: Gpu) -> Verdict | None:
    if gpu.remap_pending is None:
        return None
    if not gpu.remap_pending:
        return healthy(Reason.NO_REMAP_PENDING, f"{label(gpu)}: no remap pending")
    return fault(
        Severity.WARNING, Reason.ROW_REMAP_PENDING, f"{label(gpu)}: rows are to be remapped at the next reset", ACTION
    )

"""A GPU could not put a spare memory row in place of a bad one: it has none left there."""

from collections.abc import Sequence
from enum import StrEnum

from agent.checks import Clears, Steadiness, Timed, Verdict, fault, healthy
from agent.checks.nvidia import each, label
from agent.sensors.gpu_nvml_health import Gpu, Reading
from wire.conditions import Severity

TYPE = "GpuRowRemapFailed"
READS = "gpu_nvml_health"
WINDOW = 1
CLEARS = Clears.PERSON
ACTION = "drain the node, run NVIDIA's field diagnostics, have the GPU exchanged"


class Thresholds(Steadiness, frozen=True):
    """No number: a flag of the driver, and it stays for ever. NVIDIA's "GPU Memory Error Management", RMA policy
    (https://docs.nvidia.com/deploy/a100-gpu-mem-error-mgmt/rma-policy-thresholds-for-row-remapping.html): such a GPU is
    exchanged once NVIDIA's field diagnostic has confirmed it. Only a person's word ends it."""


class Reason(StrEnum):
    NO_REMAP_FAILED = "no_remap_failed"
    ROW_REMAP_FAILED = "row_remap_failed"


def judge(window: Sequence[Timed[Reading]], thresholds: Thresholds) -> dict[str, Verdict]:  # noqa: ARG001 - no number
    return each(window[-1].reading.gpus, _one)


def _one(gpu: Gpu) -> Verdict | None:
    if gpu.remap_failure is None:
        return None
    if not gpu.remap_failure:
        return healthy(Reason.NO_REMAP_FAILED, f"{label(gpu)}: no remap failed")
    return fault(
        Severity.CRITICAL, Reason.ROW_REMAP_FAILED, f"{label(gpu)}: remapping of memory rows has failed", ACTION
    )

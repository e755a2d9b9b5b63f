"""A GPU's memory had errors that could not be corrected."""

from collections.abc import Sequence
from enum import StrEnum

from agent.checks import Steadiness, Timed, Verdict, fault, healthy
from agent.checks.nvidia import each, label
from agent.sensors.gpu_nvml import Gpu, Reading
from wire.conditions import Severity

TYPE = "GpuEccUncorrected"
READS = ("gpu_nvml", "gpu_amd")
WINDOW = 1
ACTION = "drain the node and reset the GPU; if it comes again, run diagnostics and have it exchanged"


class Thresholds(Steadiness, frozen=True):
    """One since the driver was loaded or the GPU reset is enough: DCGM's health check fails a GPU for any volatile
    double-bit error (DCGM_FR_VOLATILE_DBE_DETECTED in dcgmlib/dcgm_errors.h, https://github.com/NVIDIA/DCGM). A
    reset sets the counter to zero, and so ends the condition."""


class Reason(StrEnum):
    NO_UNCORRECTED_ERRORS = "no_uncorrected_errors"
    UNCORRECTED_ERRORS = "uncorrected_errors"


def judge(window: Sequence[Timed[Reading]], thresholds: Thresholds) -> dict[str, Verdict]:  # noqa: ARG001 - no number
    return each(window[-1].reading.gpus, _one)


def _one(gpu: Gpu) -> Verdict | None:
    if gpu.ecc_uncorrected is None:
        return None
    message = f"{label(gpu)}: {gpu.ecc_uncorrected} uncorrectable memory errors since its last reset"
    if gpu.ecc_uncorrected <= 0:
        return healthy(Reason.NO_UNCORRECTED_ERRORS, message)
    return fault(Severity.CRITICAL, Reason.UNCORRECTED_ERRORS, message, ACTION)

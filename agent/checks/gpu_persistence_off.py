"""The driver lets a GPU go when nobody uses it."""

from collections.abc import Sequence
from enum import StrEnum

from agent.checks import Steadiness, Timed, Verdict, fault, healthy
from agent.checks.nvidia import each, label
from agent.sensors.gpu_nvml_health import Gpu, Reading
from wire.conditions import Severity

TYPE = "GpuPersistenceOff"
READS = "gpu_nvml_health"
WINDOW = 1
WORST = Severity.WARNING
ACTION = "run nvidia-persistenced (systemctl enable --now nvidia-persistenced)"


class Thresholds(Steadiness, frozen=True):
    """No number: a setting. NVIDIA's "Driver Persistence" (https://docs.nvidia.com/deploy/driver-persistence/): without
    it each start of a job waits for the GPU to be set up anew, and limits that were set are forgotten."""


class Reason(StrEnum):
    PERSISTENCE_ON = "persistence_on"
    PERSISTENCE_OFF = "persistence_off"


def judge(window: Sequence[Timed[Reading]], thresholds: Thresholds) -> dict[str, Verdict]:  # noqa: ARG001 - no number
    return each(window[-1].reading.gpus, _one)


def _one(gpu: Gpu) -> Verdict | None:
    if gpu.persistence is None:
        return None
    if gpu.persistence:
        return healthy(Reason.PERSISTENCE_ON, f"{label(gpu)}: persistence on")
    return fault(Severity.WARNING, Reason.PERSISTENCE_OFF, f"{label(gpu)}: persistence mode is off", ACTION)

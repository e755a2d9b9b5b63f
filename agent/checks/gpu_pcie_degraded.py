"""A GPU's PCIe link is slower or narrower than GPU and slot can do, under load."""

from collections.abc import Sequence
from enum import StrEnum

from agent.checks import Count, Steadiness, Timed, Verdict, fault, healthy
from agent.checks.nvidia import each, label
from agent.sensors.gpu_nvml_health import Gpu, Reading
from wire.conditions import Severity

TYPE = "GpuPcieDegraded"
READS = ("gpu_nvml_health", "gpu_amd_health")
WINDOW = 1
WORST = Severity.WARNING
ACTION = "reboot at the next occasion; if it stays, reseat the GPU or riser, and look at AER errors in the kernel log"


class Thresholds(Steadiness, frozen=True):
    """Judged while the GPU is ``busy_percent`` busy or more: an idle link goes to a slower generation to save power
    (NVML, nvmlDeviceGetCurrPcieLinkGeneration). What is right is the GPU's own word for what it and its slot can do
    together. Two looks of three, and what counts as busy, are our judgement."""

    busy_percent: float = 50.0
    bad: Count = 2
    of: Count = 3


class Reason(StrEnum):
    LINK_FULL = "link_full"
    LINK_IDLE = "link_idle"
    WIDTH_DEGRADED = "width_degraded"
    GENERATION_DEGRADED = "generation_degraded"


def judge(window: Sequence[Timed[Reading]], thresholds: Thresholds) -> dict[str, Verdict]:
    return each(window[-1].reading.gpus, lambda gpu: _one(gpu, thresholds))


def _one(gpu: Gpu, thresholds: Thresholds) -> Verdict | None:
    generation, width = gpu.pcie_generation, gpu.pcie_width
    if generation is None or width is None:
        return None
    best = f"{gpu.pcie_generation_max or '?'} x{gpu.pcie_width_max or '?'}"
    message = f"{label(gpu)}: PCIe generation {generation} x{width} of {best}"
    if gpu.utilization is None or gpu.utilization < thresholds.busy_percent:
        return healthy(Reason.LINK_IDLE, f"{message}, not busy")
    if width < (gpu.pcie_width_max or 0):
        return fault(Severity.WARNING, Reason.WIDTH_DEGRADED, message, ACTION)
    if generation < (gpu.pcie_generation_max or 0):
        return fault(Severity.WARNING, Reason.GENERATION_DEGRADED, message, ACTION)
    return healthy(Reason.LINK_FULL, message)

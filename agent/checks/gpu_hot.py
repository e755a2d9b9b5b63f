"""A GPU's core or memory is hot."""

from collections.abc import Sequence
from enum import StrEnum

from agent.checks import Count, Steadiness, Timed, Verdict, fault, healthy
from agent.checks.nvidia import each, label
from agent.sensors.gpu_nvml import Gpu, Reading
from wire.conditions import Severity

TYPE = "GpuHot"
READS = ("gpu_nvml", "gpu_amd")
WINDOW = 1
ACTION = "check fans, air flow, coolant and the room; move work away before the GPU slows down"


class Thresholds(Steadiness, frozen=True):
    """Degrees Celsius. The limits are the GPU's own: where it slows down, and the most its memory may have. Critical
    from there on, a warning from ``margin_c`` below.

    ``core_c`` and ``memory_c`` serve where the GPU tells none; both are our judgement. So is the margin, near
    enough to the limit that a healthy GPU under full load stays below. DCGM leaves its thermal policy's limit to the
    operator. Three looks: heat that passes is none.
    """

    margin_c: float = 3.0
    core_c: float = 90.0
    memory_c: float = 95.0
    bad: Count = 3
    of: Count = 4
    good: Count = 3


class Reason(StrEnum):
    TEMPERATURE_NORMAL = "temperature_normal"
    CORE_HOT = "core_hot"
    MEMORY_HOT = "memory_hot"


def judge(window: Sequence[Timed[Reading]], thresholds: Thresholds) -> dict[str, Verdict]:
    return each(window[-1].reading.gpus, lambda gpu: _one(gpu, thresholds))


def _one(gpu: Gpu, thresholds: Thresholds) -> Verdict | None:
    core = _part(gpu, Reason.CORE_HOT, gpu.temperature_c, gpu.slowdown_c or thresholds.core_c, thresholds)
    limit = gpu.memory_max_c or thresholds.memory_c
    memory = _part(gpu, Reason.MEMORY_HOT, gpu.memory_temperature_c, limit, thresholds)
    said = [verdict for verdict in (core, memory) if verdict is not None]
    order = [Severity.INFO, Severity.WARNING, Severity.CRITICAL]
    return max(said, key=lambda verdict: order.index(verdict.severity), default=None)


def _part(gpu: Gpu, reason: Reason, now: int | None, limit: float, thresholds: Thresholds) -> Verdict | None:
    if now is None:
        return None
    message = f"{label(gpu)}: {reason.removesuffix('_hot')} {now} C, limit {limit:g} C"
    if now < limit - thresholds.margin_c:
        return healthy(Reason.TEMPERATURE_NORMAL, message)
    return fault(Severity.CRITICAL if now >= limit else Severity.WARNING, reason, message, ACTION)

"""Memory of a GPU is held, and no living process has it: the next job will not fit."""

from collections.abc import Sequence
from enum import StrEnum

from agent.checks import Count, Steadiness, Timed, Verdict, fault, healthy
from agent.checks.nvidia import each, label
from agent.sensors.gpu_nvml_health import Gpu, Reading
from wire.conditions import Severity

TYPE = "GpuMemoryHeld"
READS = ("gpu_nvml_health", "gpu_amd_health")
WINDOW = 1
WORST = Severity.WARNING
ACTION = "end what has it open (fuser -v /dev/nvidia*, or /dev/kfd), zombies' parents too; else reset the GPU"
GIB = 2**30


class Thresholds(Steadiness, frozen=True):
    """More than ``gib`` in use, without what the driver holds for itself, and no process that computes. Our judgement:
    contexts of monitors take some hundred MiB, what is left of a training job many GiB. Three looks: memory of a
    process that was killed is freed within seconds. Not judged with MIG, where NVML names processes only in part.

    Living processes that belong to no job are not told apart: a node's GPUs may be used by others than Mainstay.
    """

    gib: float = 1.0
    bad: Count = 3
    of: Count = 3


class Reason(StrEnum):
    MEMORY_ACCOUNTED = "memory_accounted"
    HELD_BY_NOBODY = "held_by_nobody"
    HELD_BY_THE_DEAD = "held_by_the_dead"


def judge(window: Sequence[Timed[Reading]], thresholds: Thresholds) -> dict[str, Verdict]:
    return each(window[-1].reading.gpus, lambda gpu: _one(gpu, thresholds))


def _one(gpu: Gpu, thresholds: Thresholds) -> Verdict | None:
    if gpu.memory_used_bytes is None or gpu.processes is None or gpu.processes_alive is None or gpu.mig:
        return None
    used = gpu.memory_used_bytes / GIB
    message = f"{label(gpu)}: {used:.1f} GiB in use, {gpu.processes_alive} living processes of {gpu.processes}"
    if gpu.processes_alive > 0 or used <= thresholds.gib:
        return healthy(Reason.MEMORY_ACCOUNTED, message)
    reason = Reason.HELD_BY_THE_DEAD if gpu.processes else Reason.HELD_BY_NOBODY
    return fault(Severity.WARNING, reason, message, ACTION)

"""NVLinks of a GPU are down that should be up."""

from collections.abc import Sequence
from enum import StrEnum

from agent.checks import Count, Steadiness, Timed, Verdict, fault, healthy
from agent.checks.nvidia import each, label
from agent.sensors.gpu_nvml_health import Gpu, Reading
from wire.conditions import Severity

TYPE = "GpuNvlinkDown"
READS = "gpu_nvml_health"
WINDOW = 1
ACTION = "drain the node and reset its GPUs; if the link stays down, check the baseboard, bridges and NVSwitches"


class Thresholds(Steadiness, frozen=True):
    """``links`` must be up on each GPU. Not set: as many as on the GPU of this node that has most up, since links that
    lead nowhere (a card with fewer bridges than sockets) are down for ever. Links that are down on all GPUs alike are
    noticed only when ``links`` is set (H100 SXM: 18, A100 SXM: 12). DCGM's health check, too, fails a GPU with a link
    that is down (DCGM_FR_NVLINK_DOWN). Not judged with MIG, where a GPU may have its links off (A100,
    https://docs.nvidia.com/datacenter/tesla/fabric-manager-user-guide/). Two looks: links train while a GPU is
    reset."""

    links: int | None = None
    bad: Count = 2
    of: Count = 2


class Reason(StrEnum):
    LINKS_UP = "links_up"
    LINKS_DOWN = "links_down"


def judge(window: Sequence[Timed[Reading]], thresholds: Thresholds) -> dict[str, Verdict]:
    gpus = window[-1].reading.gpus
    most = max((gpu.nvlinks_active or 0 for gpu in gpus), default=0)
    wanted = most if thresholds.links is None else thresholds.links
    return each(gpus, lambda gpu: _one(gpu, wanted))


def _one(gpu: Gpu, wanted: int) -> Verdict | None:
    if gpu.nvlinks_active is None or gpu.mig:
        return None
    message = f"{label(gpu)}: {gpu.nvlinks_active} NVLinks up, {wanted} should be"
    if gpu.nvlinks_active >= wanted:
        return healthy(Reason.LINKS_UP, message)
    return fault(Severity.CRITICAL, Reason.LINKS_DOWN, message, ACTION)

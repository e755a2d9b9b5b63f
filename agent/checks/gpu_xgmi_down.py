"""XGMI links of an AMD GPU are down, or had errors."""

from collections.abc import Sequence
from enum import StrEnum

from agent.checks import Count, Steadiness, Timed, Verdict, fault, healthy
from agent.checks.nvidia import each, label
from agent.sensors.gpu_amd_health import Gpu, Reading
from wire.conditions import Severity

TYPE = "GpuXgmiDown"
READS = "gpu_amd_health"
WINDOW = 1
ACTION = "drain the node and reset its GPUs; if the link stays down, check the baseboard and reseat the GPU"


class Thresholds(Steadiness, frozen=True):
    """No number: the library's own word for each link (amdsmi_get_gpu_xgmi_link_status, amdsmi_gpu_xgmi_error_status).
    Links that are switched off are not counted. Two looks: links train while a GPU is reset."""

    bad: Count = 2
    of: Count = 2


class Reason(StrEnum):
    LINKS_UP = "links_up"
    LINKS_DOWN = "links_down"
    LINK_ERRORS = "link_errors"


def judge(window: Sequence[Timed[Reading]], thresholds: Thresholds) -> dict[str, Verdict]:  # noqa: ARG001 - no number
    return each(window[-1].reading.gpus, _one)


def _one(gpu: Gpu) -> Verdict | None:
    if gpu.xgmi_links is None or gpu.xgmi_links_up is None:
        return None
    message = f"{label(gpu)}: {gpu.xgmi_links_up} of {gpu.xgmi_links} XGMI links up"
    if gpu.xgmi_links_up < gpu.xgmi_links:
        return fault(Severity.CRITICAL, Reason.LINKS_DOWN, message, ACTION)
    if gpu.xgmi_errors:
        return fault(Severity.WARNING, Reason.LINK_ERRORS, f"{message}, with errors", ACTION)
    return healthy(Reason.LINKS_UP, message)

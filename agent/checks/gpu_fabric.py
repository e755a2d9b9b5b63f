"""A GPU has not joined the NVLink fabric, or the fabric is not whole: the fabric manager's work."""

from collections.abc import Sequence
from enum import StrEnum

from agent.checks import Count, Steadiness, Timed, Verdict, fault, healthy
from agent.checks.nvidia import each, label
from agent.sensors.gpu_nvml_health import Gpu, Reading
from wire.conditions import Severity

TYPE = "GpuFabric"
READS = "gpu_nvml_health"
WINDOW = 1
ACTION = "check the fabric manager (systemctl status nvidia-fabricmanager) and its log; then drain and reboot the node"
COMPLETED = 3


class Thresholds(Steadiness, frozen=True):
    """No number: states and health bits of NVML (nvmlGpuFabricState_t, NVML_GPU_FABRIC_HEALTH_MASK_*,
    https://docs.nvidia.com/deploy/nvml-api/). CUDA starts on no GPU of an NVSwitch machine until it has joined. Two
    looks: joining takes its time after a reset."""

    bad: Count = 2
    of: Count = 2


class Reason(StrEnum):
    FABRIC_JOINED = "fabric_joined"
    FABRIC_NOT_STARTED = "fabric_not_started"
    FABRIC_JOINING = "fabric_joining"
    FABRIC_FAILED = "fabric_failed"
    FABRIC_ROUTE_UNHEALTHY = "fabric_route_unhealthy"
    FABRIC_ACCESS_TIMEOUT = "fabric_access_timeout"
    FABRIC_ROUTE_RECOVERY = "fabric_route_recovery"
    FABRIC_BANDWIDTH_DEGRADED = "fabric_bandwidth_degraded"


STATES = {1: Reason.FABRIC_NOT_STARTED, 2: Reason.FABRIC_JOINING}
HEALTH = (  # where the two bits are, of which 01 means yes; the worst first
    (4, Reason.FABRIC_ROUTE_UNHEALTHY, Severity.CRITICAL),
    (6, Reason.FABRIC_ACCESS_TIMEOUT, Severity.CRITICAL),
    (2, Reason.FABRIC_ROUTE_RECOVERY, Severity.WARNING),
    (0, Reason.FABRIC_BANDWIDTH_DEGRADED, Severity.WARNING),
)


def judge(window: Sequence[Timed[Reading]], thresholds: Thresholds) -> dict[str, Verdict]:  # noqa: ARG001 - no number
    return each(window[-1].reading.gpus, _one)


def _one(gpu: Gpu) -> Verdict | None:
    if gpu.fabric_state is None:
        return None
    if gpu.fabric_state != COMPLETED:
        return _fault(gpu, STATES.get(gpu.fabric_state, Reason.FABRIC_FAILED), Severity.CRITICAL)
    if gpu.fabric_status:
        return _fault(gpu, Reason.FABRIC_FAILED, Severity.CRITICAL)
    for shift, reason, severity in HEALTH:
        if (gpu.fabric_health or 0) >> shift & 0b11 == 1:
            return _fault(gpu, reason, severity)
    return healthy(Reason.FABRIC_JOINED, f"{label(gpu)} has joined the fabric")


def _fault(gpu: Gpu, reason: Reason, severity: Severity) -> Verdict:
    detail = f"state {gpu.fabric_state}, status {gpu.fabric_status}, health {gpu.fabric_health or 0:#x}"
    return fault(severity, reason, f"{label(gpu)}: {reason.replace('_', ' ')} ({detail})", ACTION)

"""NVML or the driver as a whole does not work, on a machine that has NVIDIA GPUs."""

from collections.abc import Sequence
from enum import StrEnum

from agent.checks import Count, Steadiness, Timed, Verdict, fault, healthy
from agent.checks.nvidia import Silence
from agent.sensors.gpu_nvml import Reading
from agent.sensors.nvidia.device import Trouble
from wire.conditions import Severity, Status

TYPE = "GpuDriver"
READS = "gpu_nvml"
WINDOW = 1
ACTION = "reload the driver's modules, or reboot; after an upgrade library and module must be of one version"


class Thresholds(Steadiness, frozen=True):
    """Two looks: while the driver is being loaded, one may fail. NVML's own return codes say what it is
    (https://docs.nvidia.com/deploy/nvml-api/group__nvmlDeviceEnumvs.html)."""

    bad: Count = 2
    of: Count = 2


class Reason(StrEnum):
    DRIVER_ANSWERS = "driver_answers"
    LIBRARY_MISSING = "library_missing"
    DRIVER_NOT_LOADED = "driver_not_loaded"
    VERSION_MISMATCH = "version_mismatch"
    NO_PERMISSION = "no_permission"
    DRIVER_FAILED = "driver_failed"


FAULTS = {
    Trouble.LIBRARY_MISSING: (Reason.LIBRARY_MISSING, "install the driver's libnvidia-ml.so.1 and nvidia-ml-py"),
    Trouble.DRIVER_NOT_LOADED: (Reason.DRIVER_NOT_LOADED, "modprobe nvidia; look at dmesg for why it was not loaded"),
    Trouble.VERSION_MISMATCH: (Reason.VERSION_MISMATCH, "reboot, or reload the modules: the driver was upgraded"),
    Trouble.NO_PERMISSION: (Reason.NO_PERMISSION, "let the agent's user open /dev/nvidiactl and /dev/nvidia*"),
}


def judge(window: Sequence[Timed[Reading]], thresholds: Thresholds) -> Verdict:  # noqa: ARG001 - no number
    reading = window[-1].reading
    if reading.trouble is Trouble.NONE:
        return healthy(Reason.DRIVER_ANSWERS, f"driver {reading.driver_version}")
    if reading.trouble is Trouble.RELEASED:
        return Verdict(Status.UNKNOWN, Severity.INFO, Silence.RELEASED, reading.error or Silence.RELEASED)
    reason, action = FAULTS.get(reading.trouble, (Reason.DRIVER_FAILED, ACTION))
    return fault(Severity.CRITICAL, reason, f"NVML: {reading.error}", action)

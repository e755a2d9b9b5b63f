"""amdsmi or the driver as a whole does not work, on a machine that has AMD GPUs."""

from collections.abc import Sequence
from enum import StrEnum

from agent.checks import Count, Steadiness, Timed, Verdict, fault, healthy
from agent.checks.nvidia import Silence
from agent.sensors.gpu_amd import Reading
from agent.sensors.nvidia.device import Trouble
from wire.conditions import Severity, Status

TYPE = "GpuAmdDriver"
READS = "gpu_amd"
WINDOW = 1
ACTION = "reload amdgpu, or reboot; amdsmi must be of the version of the ROCm that is installed"


class Thresholds(Steadiness, frozen=True):
    """Two looks: while the driver is being loaded, one may fail. amdsmi's own status codes say what it is
    (https://rocm.docs.amd.com/projects/amdsmi/en/latest/)."""

    bad: Count = 2
    of: Count = 2


class Reason(StrEnum):
    DRIVER_ANSWERS = "driver_answers"
    LIBRARY_MISSING = "library_missing"
    DRIVER_NOT_LOADED = "driver_not_loaded"
    NO_PERMISSION = "no_permission"
    DRIVER_FAILED = "driver_failed"


FAULTS = {
    Trouble.LIBRARY_MISSING: (Reason.LIBRARY_MISSING, "install amd-smi-lib, and pip install 'mainstay[amd]'"),
    Trouble.DRIVER_NOT_LOADED: (Reason.DRIVER_NOT_LOADED, "modprobe amdgpu; look at dmesg for why it was not loaded"),
    Trouble.NO_PERMISSION: (Reason.NO_PERMISSION, "let the agent's user into the groups render and video"),
}


def judge(window: Sequence[Timed[Reading]], thresholds: Thresholds) -> Verdict:  # noqa: ARG001 - no number
    reading = window[-1].reading
    if reading.trouble is Trouble.NONE:
        return healthy(Reason.DRIVER_ANSWERS, f"driver {reading.driver_version}")
    if reading.trouble is Trouble.RELEASED:
        return Verdict(Status.UNKNOWN, Severity.INFO, Silence.RELEASED, reading.error or Silence.RELEASED)
    reason, action = FAULTS.get(reading.trouble, (Reason.DRIVER_FAILED, ACTION))
    return fault(Severity.CRITICAL, reason, f"amdsmi: {reading.error}", action)

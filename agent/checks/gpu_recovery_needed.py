"""The driver itself says that a GPU must be reset, or the node rebooted."""

from collections.abc import Sequence
from enum import StrEnum

from agent.checks import Steadiness, Timed, Verdict, fault, healthy
from agent.checks.nvidia import each, label
from agent.sensors.gpu_nvml import Gpu, Reading
from agent.sensors.nvidia.device import Trouble
from wire.conditions import Severity

TYPE = "GpuRecoveryNeeded"
READS = "gpu_nvml"
WINDOW = 1
ACTION = "drain the node; then reset the GPU, or reboot, as the reason says"


class Thresholds(Steadiness, frozen=True):
    """No number: the recovery action flag of "NVIDIA GPU Memory Error Management", Error Recovery and Response Flags
    (https://docs.nvidia.com/deploy/a100-gpu-mem-error-mgmt/error-recovery-and-response-flags.html), and NVML's return
    code RESET_REQUIRED. Actions 5 to 7 are NVML_GPU_RECOVERY_ACTION_* of nvidia-ml-py 13."""


class Reason(StrEnum):
    NO_RECOVERY_NEEDED = "no_recovery_needed"
    GPU_RESET_NEEDED = "gpu_reset_needed"
    REBOOT_NEEDED = "reboot_needed"
    PEERS_DRAIN_NEEDED = "peers_drain_needed"
    DRAIN_AND_RESET_NEEDED = "drain_and_reset_needed"
    IMEX_DOMAIN_RECOVERY_NEEDED = "imex_domain_recovery_needed"
    BUS_RESET_NEEDED = "bus_reset_needed"
    RECOVERY_UNKNOWN = "recovery_unknown"


RESET = (Severity.CRITICAL, Reason.GPU_RESET_NEEDED, "drain the node and reset the GPU")
NEEDED = {
    1: RESET,
    2: (Severity.CRITICAL, Reason.REBOOT_NEEDED, "drain the node and reboot it"),
    3: (Severity.CRITICAL, Reason.PEERS_DRAIN_NEEDED, "end all work that uses peer access between GPUs here"),
    4: (Severity.WARNING, Reason.DRAIN_AND_RESET_NEEDED, "let no new work begin on it, then reset the GPU"),
    5: (Severity.CRITICAL, Reason.IMEX_DOMAIN_RECOVERY_NEEDED, "drain its IMEX domain's nodes and begin it anew"),
    6: (Severity.CRITICAL, Reason.BUS_RESET_NEEDED, "drain the node and reset the GPU's bus, or reboot it"),
    7: (Severity.CRITICAL, Reason.REBOOT_NEEDED, "drain the node and reboot it"),
}
OTHER = (Severity.WARNING, Reason.RECOVERY_UNKNOWN, "look at nvidia-smi -q: this version knows not what is wanted")


def judge(window: Sequence[Timed[Reading]], thresholds: Thresholds) -> dict[str, Verdict]:  # noqa: ARG001 - no number
    gpus = window[-1].reading.gpus
    required = {gpu.component: _fault(gpu, RESET) for gpu in gpus if gpu.trouble is Trouble.RESET_REQUIRED}
    return each(gpus, _one) | required


def _one(gpu: Gpu) -> Verdict | None:
    if gpu.recovery_action is None:
        return None
    if gpu.recovery_action == 0:
        return healthy(Reason.NO_RECOVERY_NEEDED, f"{label(gpu)} needs nothing")
    return _fault(gpu, NEEDED.get(gpu.recovery_action, OTHER))


def _fault(gpu: Gpu, needed: tuple[Severity, Reason, str]) -> Verdict:
    severity, reason, action = needed
    return fault(severity, reason, f"{label(gpu)}: {reason.replace('_', ' ')}", action)

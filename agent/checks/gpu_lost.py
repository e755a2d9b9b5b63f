"""A GPU that this node had, or must have, is not there or does not answer."""

from collections.abc import Sequence
from enum import StrEnum

from agent.checks import Steadiness, Timed, Verdict, fault, healthy
from agent.checks.nvidia import label, silent
from agent.sensors.gpu_nvml import Gpu, Reading
from agent.sensors.nvidia.device import Trouble
from wire.conditions import Severity

TYPE = "GpuLost"
READS = ("gpu_nvml", "gpu_amd")
WINDOW = 2
ACTION = "drain the node, power it off and on; if the GPU stays away, have it reseated or replaced"
ACCEPT = "or accept the number: set expected in its sensor's table, or delete (amd-)gpus-seen.json in the agent's state"


class Thresholds(Steadiness, frozen=True):
    """One look is enough where the bus tells: it does not waver, and ByteRobust (https://arxiv.org/abs/2509.16293)
    takes 10 s to see a lost GPU. One that is there and did not answer must be so in two looks, our judgement: a driver
    that is busy fails a call now and then. That the PCI bus, too, is counted, and what was seen before, is our own
    judgement: NVML alone does not miss a GPU that was gone at boot."""


class Reason(StrEnum):
    GPU_PRESENT = "gpu_present"
    GPU_MISSING = "gpu_missing"
    GPU_UNCOUNTED = "gpu_uncounted"
    GPU_FELL_OFF_BUS = "gpu_fell_off_bus"
    GPU_NO_ANSWER = "gpu_no_answer"


FAULTS = {
    Trouble.MISSING: (Reason.GPU_MISSING, f"{ACTION}; {ACCEPT}"),
    Trouble.UNCOUNTED: (Reason.GPU_UNCOUNTED, ACTION),
    Trouble.LOST: (Reason.GPU_FELL_OFF_BUS, ACTION),
    Trouble.NO_ANSWER: (Reason.GPU_NO_ANSWER, "drain the node and reset the GPU; if that fails, reboot"),
}


def judge(window: Sequence[Timed[Reading]], thresholds: Thresholds) -> dict[str, Verdict]:  # noqa: ARG001 - no number
    before = {gpu.component: gpu.trouble for gpu in window[0].reading.gpus}
    reading = window[-1].reading
    return {gpu.component: _one(reading, gpu, before.get(gpu.component, Trouble.NONE)) for gpu in reading.gpus}


def _one(reading: Reading, gpu: Gpu, before: Trouble) -> Verdict:
    if gpu.trouble in (Trouble.NONE, Trouble.RESET_REQUIRED):  # the latter is GpuRecoveryNeeded's
        return healthy(Reason.GPU_PRESENT, f"{label(gpu)} is there")
    if gpu.trouble not in FAULTS or (reading.trouble and gpu.trouble is not Trouble.MISSING):
        return silent(gpu)
    if gpu.trouble is Trouble.NO_ANSWER and before is not Trouble.NO_ANSWER:
        return silent(gpu)
    reason, action = FAULTS[gpu.trouble]
    return fault(Severity.CRITICAL, reason, f"{label(gpu)}: {gpu.error or gpu.trouble}", action)

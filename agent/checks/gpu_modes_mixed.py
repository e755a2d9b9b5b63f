"""GPUs of one node are set up differently: one of them holds up the others, or jobs do not fit."""

from collections import Counter
from collections.abc import Sequence
from enum import StrEnum
from typing import Literal

from agent.checks import Steadiness, Timed, Verdict, fault, healthy
from agent.checks.nvidia import each, label
from agent.sensors.gpu_nvml_health import Gpu, Reading
from wire.conditions import Severity

TYPE = "GpuModesMixed"
READS = ("gpu_nvml_health", "gpu_amd_health")
WINDOW = 1
WORST = Severity.WARNING
ACTION = "set all GPUs of the node alike (nvidia-smi -i GPU -mig, -e, -pl), and reset those whose mode is pending"


class Thresholds(Steadiness, frozen=True):
    """No number: what most of the node's GPUs have is right (of as many each, what the first has). That
    they should be alike is our judgement: a step of training is as slow as its slowest GPU.

    ``may_differ``: what is meant to be so, such as MIG on some GPUs only, or a card for the display.
    """

    may_differ: tuple[Literal["model", "mig", "ecc_mode", "power_limit_mw"], ...] = ()


class Reason(StrEnum):
    MODES_ALIKE = "modes_alike"
    MODEL_DIFFERS = "model_differs"
    MIG_DIFFERS = "mig_differs"
    MIG_PENDING = "mig_pending"
    ECC_DIFFERS = "ecc_differs"
    POWER_LIMIT_DIFFERS = "power_limit_differs"


FACTS = (
    ("model", Reason.MODEL_DIFFERS),
    ("mig", Reason.MIG_DIFFERS),
    ("ecc_mode", Reason.ECC_DIFFERS),
    ("power_limit_mw", Reason.POWER_LIMIT_DIFFERS),
)


def judge(window: Sequence[Timed[Reading]], thresholds: Thresholds) -> dict[str, Verdict]:
    gpus = window[-1].reading.gpus
    answering = [gpu for gpu in gpus if not gpu.trouble]
    usual = {fact: _most(answering, fact) for fact, _ in FACTS if fact not in thresholds.may_differ}
    return each(gpus, lambda gpu: _one(gpu, usual))


def _most(gpus: Sequence[Gpu], fact: str) -> object:
    counted = Counter(getattr(gpu, fact) for gpu in gpus)
    return counted.most_common(1)[0][0] if counted else None


def _one(gpu: Gpu, usual: dict[str, object]) -> Verdict:
    if gpu.mig is not None and gpu.mig_pending is not None and gpu.mig != gpu.mig_pending:
        return fault(Severity.WARNING, Reason.MIG_PENDING, f"{label(gpu)}: MIG mode changes at its next reset", ACTION)
    for fact, reason in FACTS:
        if fact in usual and (value := getattr(gpu, fact)) != usual[fact]:
            message = f"{label(gpu)}: {fact} is {value}, that of most others {usual[fact]}"
            return fault(Severity.WARNING, reason, message, ACTION)
    return healthy(Reason.MODES_ALIKE, f"{label(gpu)} is set up as most others")

"""A TPU chip that this node had, or must have, is not there, or no driver has it."""

from collections.abc import Sequence
from enum import StrEnum

from agent.checks import Steadiness, Timed, Verdict, fault, healthy
from agent.sensors.tpu import Chip, Reading
from wire.conditions import Severity

TYPE = "TpuLost"
READS = "tpu"
WINDOW = 1
ACTION = "drain the node and reboot it (a cloud's TPU VM: stop it and start it, so that it moves to another host)"
ACCEPT = "or accept the number: set expected in [sensors.tpu], or delete tpus-seen.json in the agent's state"
NODE = "tpus"


class Thresholds(Steadiness, frozen=True):
    """One look is enough: the PCI bus does not waver. Which chips are TPUs is Google's own table
    (https://github.com/google/cloud-accelerator-diagnostics, tpu_info). That what was seen before counts is our own
    judgement."""


class Reason(StrEnum):
    TPU_PRESENT = "tpu_present"
    TPU_MISSING = "tpu_missing"
    TPU_WITHOUT_DRIVER = "tpu_without_driver"


def judge(window: Sequence[Timed[Reading]], thresholds: Thresholds) -> dict[str, Verdict]:  # noqa: ARG001 - no number
    reading = window[-1].reading
    return {NODE: _count(reading)} | {chip.pci: _one(chip) for chip in reading.chips}


def _count(reading: Reading) -> Verdict:
    """It can't be told which one is gone: all are alike."""
    message = f"{len(reading.chips)} of {reading.most} TPU chips"
    if len(reading.chips) >= reading.most:
        return healthy(Reason.TPU_PRESENT, message)
    return fault(Severity.CRITICAL, Reason.TPU_MISSING, message, f"{ACTION}; {ACCEPT}")


def _one(chip: Chip) -> Verdict:
    message = f"{chip.model} ({chip.pci})"
    if chip.driver:
        return healthy(Reason.TPU_PRESENT, f"{message}, driver {chip.driver}")
    return fault(Severity.CRITICAL, Reason.TPU_WITHOUT_DRIVER, f"{message}: no driver has it", ACTION)

"""A kernel module that must be loaded is not."""

from collections.abc import Mapping, Sequence
from enum import StrEnum

from agent.checks import Steadiness, Timed, Verdict, fault, healthy
from agent.sensors.kernel_modules import Reading
from wire.conditions import Severity

TYPE = "KernelModuleMissing"
READS = "kernel_modules"
WINDOW = 1
ACTION = "load it (modprobe) and see in the kernel log why it wasn't"


class Thresholds(Steadiness, frozen=True):
    """Nothing to set here: ``[sensors.kernel_modules] required`` names them."""


class Reason(StrEnum):
    MODULES_LOADED = "modules_loaded"
    MODULE_MISSING = "module_missing"


def judge(window: Sequence[Timed[Reading]], thresholds: Thresholds) -> Mapping[str, Verdict]:  # noqa: ARG001
    """By module."""
    return {name: _judge(loaded) for name, loaded in window[-1].reading.required.items()}


def _judge(loaded: bool) -> Verdict:
    if loaded:
        return healthy(Reason.MODULES_LOADED, "loaded")
    return fault(Severity.CRITICAL, Reason.MODULE_MISSING, "not loaded", ACTION)

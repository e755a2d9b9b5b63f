"""A kernel module is loaded that must not be."""

from collections.abc import Mapping, Sequence
from enum import StrEnum

from agent.checks import Steadiness, Timed, Verdict, fault, healthy
from agent.sensors.kernel_modules import Reading
from wire.conditions import Severity

TYPE = "KernelModuleForbidden"
READS = "kernel_modules"
WINDOW = 1
WORST = Severity.WARNING
ACTION = "unload it (modprobe -r), and keep it from loading (/etc/modprobe.d)"


class Thresholds(Steadiness, frozen=True):
    """Nothing to set here: ``[sensors.kernel_modules] forbidden`` names them."""


class Reason(StrEnum):
    MODULES_CLEAN = "modules_clean"
    MODULE_FORBIDDEN = "module_forbidden"


def judge(window: Sequence[Timed[Reading]], thresholds: Thresholds) -> Mapping[str, Verdict]:  # noqa: ARG001
    """By module."""
    return {name: _judge(loaded) for name, loaded in window[-1].reading.forbidden.items()}


def _judge(loaded: bool) -> Verdict:
    if not loaded:
        return healthy(Reason.MODULES_CLEAN, "not loaded")
    return fault(Severity.WARNING, Reason.MODULE_FORBIDDEN, "loaded", ACTION)

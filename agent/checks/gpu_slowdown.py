"""A GPU is slowed down by heat or by its power supply, not by what was asked of it."""

from collections.abc import Sequence
from enum import StrEnum

from agent.checks import Count, Steadiness, Timed, Verdict, fault, healthy
from agent.checks.nvidia import each, label
from agent.sensors.gpu_nvml import Gpu, Reading
from wire.conditions import Severity

TYPE = "GpuSlowdown"
READS = ("gpu_nvml", "gpu_amd")
WINDOW = 1
ACTION = "check cooling (thermal) or the power supply and its cables (power brake); such a GPU slows down the whole job"


class Thresholds(Steadiness, frozen=True):
    """The bits are NVML's clocks event reasons
    (https://docs.nvidia.com/deploy/nvml-api/group__nvmlClocksEventReasons.html). Harmless, and not judged: idle,
    application clocks, software power cap (the ordinary state under full load), sync boost, display.

    Six looks of ten, as GPUd counts (0.6 a minute over ten minutes of looks a minute apart: more than half the time):
    single moments of it are common.
    """

    bad: Count = 6
    of: Count = 10
    good: Count = 6


class Reason(StrEnum):
    CLOCKS_FREE = "clocks_free"
    HARDWARE_THERMAL = "hardware_thermal"
    POWER_BRAKE = "power_brake"
    HARDWARE_SLOWDOWN = "hardware_slowdown"
    SOFTWARE_THERMAL = "software_thermal"


# The most telling first: hardware slowdown is set together with its cause.
BITS = (
    (0x40, Reason.HARDWARE_THERMAL, Severity.CRITICAL),
    (0x80, Reason.POWER_BRAKE, Severity.CRITICAL),
    (0x08, Reason.HARDWARE_SLOWDOWN, Severity.CRITICAL),
    (0x20, Reason.SOFTWARE_THERMAL, Severity.WARNING),
)


def judge(window: Sequence[Timed[Reading]], thresholds: Thresholds) -> dict[str, Verdict]:  # noqa: ARG001 - how often
    return each(window[-1].reading.gpus, _one)


def _one(gpu: Gpu) -> Verdict | None:
    if gpu.clock_reasons is None:
        return None
    clock = "" if gpu.sm_clock_mhz is None else f", SM clock {gpu.sm_clock_mhz} MHz"
    for bit, reason, severity in BITS:
        if gpu.clock_reasons & bit:
            message = f"{label(gpu)}: {reason.replace('_', ' ')} (reasons {gpu.clock_reasons:#x}){clock}"
            return fault(severity, reason, message, ACTION)
    return healthy(Reason.CLOCKS_FREE, f"{label(gpu)}: nothing slows it down")

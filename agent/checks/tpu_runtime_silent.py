"""A workload holds the TPUs, and their runtime does not say how it does."""

from collections.abc import Sequence
from enum import StrEnum

from agent.checks import Count, Steadiness, Timed, Verdict, fault, healthy
from agent.sensors.tpu import Reading, Service
from wire.conditions import Severity, Status

TYPE = "TpuRuntimeSilent"
READS = "tpu"
WINDOW = 1
WORST = Severity.WARNING
ACTION = "look whether the workload steps; take its stacks; a runtime that hangs goes with its process"


class Thresholds(Steadiness, frozen=True):
    """Twelve looks, three minutes at the sensor's cadence: our judgement. libtpu serves metrics only once the runtime
    is up, and compiling keeps it busy. A service that nobody offers is a fault only with ``served``: a workload may
    have been started without it (TPU_RUNTIME_METRICS_PORTS)."""

    served: bool = False
    bad: Count = 12
    of: Count = 12


class Reason(StrEnum):
    RUNTIME_ANSWERS = "runtime_answers"
    TPU_IDLE = "tpu_idle"
    RUNTIME_SILENT = "runtime_silent"
    RUNTIME_ABSENT = "runtime_absent"
    NOT_SERVED = "not_served"
    LIBRARY_MISSING = "library_missing"


def judge(window: Sequence[Timed[Reading]], thresholds: Thresholds) -> Verdict:
    reading = window[-1].reading
    if reading.service is Service.LIBRARY_MISSING:
        return Verdict(Status.UNKNOWN, Severity.INFO, Reason.LIBRARY_MISSING, reading.error)
    if reading.service is Service.ANSWERS:
        return healthy(Reason.RUNTIME_ANSWERS, f"the runtime tells of {len(reading.cores)} cores")
    if reading.service is Service.SILENT:
        return fault(Severity.WARNING, Reason.RUNTIME_SILENT, f"the runtime's metrics: {reading.error}", ACTION)
    if not reading.holders:
        return healthy(Reason.TPU_IDLE, "no workload that can be seen")
    message = f"held by {', '.join(map(str, reading.holders[:4]))}, and no metrics service"
    if not thresholds.served:
        return healthy(Reason.NOT_SERVED, message)
    return fault(Severity.WARNING, Reason.RUNTIME_ABSENT, message, ACTION)

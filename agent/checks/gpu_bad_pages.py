"""An AMD GPU has had more bad memory pages than it can retire: it must be exchanged."""

from collections.abc import Sequence
from enum import StrEnum

from agent.checks import Clears, Steadiness, Timed, Verdict, fault, healthy
from agent.checks.nvidia import each, label
from agent.sensors.gpu_amd_health import Gpu, Reading
from wire.conditions import Severity

TYPE = "GpuBadPages"
READS = "gpu_amd_health"
WINDOW = 1
CLEARS = Clears.PERSON
ACTION = "drain the node and have the GPU exchanged"


class Thresholds(Steadiness, frozen=True):
    """No number of ours: the driver's own threshold of bad pages (amdgpu, bad_page_threshold, in
    https://docs.kernel.org/gpu/amdgpu/module-parameters.html); a page that can't be retired at all is our judgement."""


class Reason(StrEnum):
    PAGES_FEW = "pages_few"
    THRESHOLD_REACHED = "threshold_reached"
    PAGES_UNRESERVABLE = "pages_unreservable"


def judge(window: Sequence[Timed[Reading]], thresholds: Thresholds) -> dict[str, Verdict]:  # noqa: ARG001 - no number
    return each(window[-1].reading.gpus, _one)


def _one(gpu: Gpu) -> Verdict | None:
    if gpu.bad_pages is None:
        return None
    count = gpu.bad_pages + (gpu.retired_pending or 0) + (gpu.bad_pages_unreservable or 0)
    message = f"{label(gpu)}: {count} bad memory pages, threshold {gpu.bad_pages_most or 'unknown'}"
    if gpu.bad_pages_most and count >= gpu.bad_pages_most:
        return fault(Severity.CRITICAL, Reason.THRESHOLD_REACHED, message, ACTION)
    if gpu.bad_pages_unreservable:
        return fault(Severity.CRITICAL, Reason.PAGES_UNRESERVABLE, message, ACTION)
    return healthy(Reason.PAGES_FEW, message)

"""What the checks of NVIDIA's GPUs share: one verdict a GPU, and what to say of one that can't be read. No check."""

from collections.abc import Callable, Iterable, Sequence
from enum import StrEnum
from typing import Any, TypeVar

from agent.checks import Timed, Verdict
from agent.sensors.nvidia.device import Device, Trouble
from wire.conditions import Severity, Status

G = TypeVar("G", bound=Device)


NOT_HERE = (Trouble.NONE, Trouble.RELEASED, Trouble.LIBRARY_MISSING, Trouble.NO_PERMISSION)


class Silence(StrEnum):
    """Why nothing is known of a GPU."""

    RELEASED = "released"
    GPU_SILENT = "gpu_silent"


def each(gpus: Iterable[G], judge: Callable[[G], Verdict | None]) -> dict[str, Verdict]:
    """By GPU. ``judge`` gives None for one that does not have the thing; a GPU that is missing is left out, since
    GpuLost says so."""
    there = [gpu for gpu in gpus if gpu.trouble is not Trouble.MISSING]
    verdicts = ((gpu.component, silent(gpu) if gpu.trouble else judge(gpu)) for gpu in there)
    return {component: verdict for component, verdict in verdicts if verdict is not None}


def each_pair(window: Sequence[Timed[Any]], judge: Callable[[Any, Any, float], Verdict | None]) -> dict[str, Verdict]:
    """The same for two readings: ``judge`` gets a GPU before, now, and the seconds between."""
    first, last = window[0], window[-1]
    before = {gpu.component: gpu for gpu in first.reading.gpus if not gpu.trouble}
    seconds = max(last.at - first.at, 1.0)
    return each(
        last.reading.gpus,
        lambda now: judge(before[now.component], now, seconds) if now.component in before else silent(now),
    )


def grown(before: int | None, now: int | None) -> int:
    """How much a counter grew; one that began anew counts from there."""
    if before is None or now is None:
        return 0
    return now - before if now >= before else now


def silent(gpu: Device) -> Verdict:
    """A GPU that does not answer may hide anything; one that nobody here can ask, or that was let go, hides nothing."""
    reason = Silence.RELEASED if gpu.trouble is Trouble.RELEASED else Silence.GPU_SILENT
    hides = Severity.INFO if gpu.trouble in NOT_HERE else Severity.CRITICAL
    why = gpu.error or gpu.trouble or "not read before"
    return Verdict(Status.UNKNOWN, Severity.WARNING, reason, f"{label(gpu)}: {why}", hides=hides)


def label(gpu: Device) -> str:
    """GPU 3 (0000:3b:00)."""
    return f"GPU {gpu.index} ({gpu.pci})" if gpu.index >= 0 else f"GPU {gpu.pci}"

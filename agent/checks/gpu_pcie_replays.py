"""A GPU's PCIe link loses packets and must send them again."""

import math
from collections.abc import Sequence
from enum import StrEnum

from agent.checks import Count, Steadiness, Timed, Verdict, fault, healthy
from agent.checks.nvidia import each_pair, grown, label
from agent.sensors.gpu_nvml_health import Gpu, Reading
from wire.conditions import Severity

TYPE = "GpuPcieReplays"
READS = ("gpu_nvml_health", "gpu_amd_health")
WINDOW = 2
WORST = Severity.WARNING
ACTION = "reseat the GPU or riser at the next occasion, and look at AER errors in the kernel log"


GIGABITS = (2.5, 5.0, 8.0, 16.0, 32.0, 64.0)  # a second on one lane, by generation from 1 on
BIT_ERRORS = 1e-12
WIDTH, UNTOLD = 16, 8.0  # lanes, and replays a minute, of a link that does not tell


class Thresholds(Steadiness, frozen=True):
    """``per_minute``; not set: what one bit error in 10^12 makes, the most that PCI Express allows, for the link's
    generation and lanes as they are now: on 16 lanes 3 a minute with Gen1, 5 with Gen2, 8 with Gen3, 16 with Gen4, 31
    with Gen5, 62 with Gen6. So DCGM judges since 3.3.8 (GetExpectedPcieReplayRate in
    modules/health/DcgmHealthWatch.cpp, https://github.com/NVIDIA/DCGM); before, and where the link's generation is not
    told, 8 for all (DCGM_LIMIT_MAX_PCIREPLAY_RATE). A link that changed its speed since the last look, to save power,
    is given the faster one's limit. That, and two looks of three, are our judgement."""

    per_minute: float | None = None
    bad: Count = 2
    of: Count = 3


class Reason(StrEnum):
    REPLAYS_FEW = "replays_few"
    REPLAYS_MANY = "replays_many"


def judge(window: Sequence[Timed[Reading]], thresholds: Thresholds) -> dict[str, Verdict]:
    return each_pair(window, lambda before, now, seconds: _one(before, now, seconds, thresholds))


def _one(before: Gpu, now: Gpu, seconds: float, thresholds: Thresholds) -> Verdict | None:
    if now.pcie_replays is None:
        return None
    rate = grown(before.pcie_replays, now.pcie_replays) * 60 / seconds
    message = f"{label(now)}: {rate:.1f} PCIe replays a minute"
    limit = max(expected(before), expected(now)) if thresholds.per_minute is None else thresholds.per_minute
    if rate <= limit:
        return healthy(Reason.REPLAYS_FEW, message)
    return fault(Severity.WARNING, Reason.REPLAYS_MANY, f"{message}, limit {limit:g}", ACTION)


def expected(gpu: Gpu) -> float:
    """Replays a minute that its link may have, rounded up; a generation newer than those known counts as the last."""
    generation = min(gpu.pcie_generation or 0, len(GIGABITS))
    if generation < 1:
        return UNTOLD
    return math.ceil(BIT_ERRORS * GIGABITS[generation - 1] * 1e9 * 60 * (gpu.pcie_width or WIDTH))

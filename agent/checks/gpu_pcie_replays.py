"""A GPU's PCIe link loses packets and must send them again."""

from collections.abc import Sequence
from enum import StrEnum

from agent.checks import Count, Steadiness, Timed, Verdict, fault, healthy
from agent.checks.nvidia import each_pair, grown, label
from agent.sensors.gpu_nvml_health import Gpu, Reading
from wire.conditions import Severity

TYPE = "GpuPcieReplays"
READS = ("gpu_nvml_health", "gpu_amd_health")
WINDOW = 2
ACTION = "reseat the GPU or riser at the next occasion, and look at AER errors in the kernel log"


class Thresholds(Steadiness, frozen=True):
    """More than 8 ``per_minute``: DCGM's limit up to 3.3.7 (DCGM_LIMIT_MAX_PCIREPLAY_RATE), as the driver's makers
    advised. Since 3.3.8 it allows one bit error in 10^12 (GetExpectedPcieReplayRate in modules/health/
    DcgmHealthWatch.cpp, https://github.com/NVIDIA/DCGM): 8 a minute on Gen3 x16, 16 on Gen4, 31 on Gen5. To keep 8 on
    all, for a warning, and two looks of three are our judgement."""

    per_minute: float = 8.0
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
    if rate <= thresholds.per_minute:
        return healthy(Reason.REPLAYS_FEW, message)
    return fault(Severity.WARNING, Reason.REPLAYS_MANY, message, ACTION)

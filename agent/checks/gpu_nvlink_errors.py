"""NVLinks of a GPU damage or lose data and must say it again."""

from collections.abc import Sequence
from enum import StrEnum

from agent.checks import Count, Steadiness, Timed, Verdict, fault, healthy
from agent.checks.nvidia import each_pair, grown, label
from agent.sensors.gpu_nvml_health import Gpu, Reading
from wire.conditions import Severity

TYPE = "GpuNvlinkErrors"
READS = "gpu_nvml_health"
WINDOW = 2
ACTION = "drain the node and reset its GPUs; if it comes again, check the baseboard, bridges and NVSwitches"


class Thresholds(Steadiness, frozen=True):
    """DCGM's limits (common/DcgmGPUHardwareLimits.h, https://github.com/NVIDIA/DCGM): one replay or recovery in a
    minute (``retries_per_minute``), and 100 CRC errors a second (``crc_per_second``), below which they do not matter to
    it. DCGM fails a GPU for a single replay; that two looks of three must show some, and that it is a warning, is our
    judgement: training goes on, slower.

    Counters as Hopper and earlier have them; later GPUs have others, and no verdict of this kind.
    """

    retries_per_minute: float = 1.0
    crc_per_second: float = 100.0
    bad: Count = 2
    of: Count = 3


class Reason(StrEnum):
    LINKS_CLEAN = "links_clean"
    LINK_RETRIES = "link_retries"
    LINK_CRC_ERRORS = "link_crc_errors"


def judge(window: Sequence[Timed[Reading]], thresholds: Thresholds) -> dict[str, Verdict]:
    return each_pair(window, lambda before, now, seconds: _one(before, now, seconds, thresholds))


def _one(before: Gpu, now: Gpu, seconds: float, thresholds: Thresholds) -> Verdict | None:
    if now.nvlink_replays is None and now.nvlink_flit_errors is None:
        return None
    crc = _more(before, now, "nvlink_flit_errors", "nvlink_data_errors") / seconds
    retries = _more(before, now, "nvlink_replays", "nvlink_recoveries") * 60 / seconds
    message = f"{label(now)}: NVLink {crc:.1f} CRC errors a second, {retries:.1f} replays and recoveries a minute"
    if crc >= thresholds.crc_per_second:
        return fault(Severity.CRITICAL, Reason.LINK_CRC_ERRORS, message, ACTION)
    if retries >= thresholds.retries_per_minute:
        return fault(Severity.WARNING, Reason.LINK_RETRIES, message, ACTION)
    return healthy(Reason.LINKS_CLEAN, message)


def _more(before: Gpu, now: Gpu, *counters: str) -> int:
    return sum(grown(getattr(before, counter), getattr(now, counter)) for counter in counters)

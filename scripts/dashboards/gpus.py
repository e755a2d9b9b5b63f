"""The GPUs of one node."""

from grafana_foundation_sdk.builders.dashboard import Dashboard

from scripts.dashboards.page import Rows, page
from scripts.dashboards.panels import AGENT, BAD, GOOD, SINCE, Line, course, listing, number

HERE = f'{AGENT},instance="$instance"'
HEAT = "DCGM_FI_DEV_GPU_TEMP{{{where}}} or gpu_junction_temperature{{{where}}}"
GPU = "GPU {{gpu}}"


def either(nvidia: str, amd: str) -> str:
    """A family of NVIDIA's, or of AMD's where those are."""
    return f"{nvidia}{{{HERE}}} or {amd}{{{HERE}}}"


def rate(name: str) -> str:
    """How much a gauge that only grows has grown within five minutes; a reset of the GPU is no growth."""
    return f"clamp_min(delta({name}{{{HERE}}}[5m]), 0)"


def dashboard() -> Dashboard:
    rows: Rows = {
        "": [
            number("GPUs", f"count({HEAT.format(where=HERE)})", "That answer.", GOOD),
            number(
                "Lost",
                f'sum(mainstay_condition_components{{{HERE},type=~"GpuLost|GpuXidOffBus"}}) or vector(0)',
                "They no longer answer, or are not there after a reboot.",
                BAD,
            ),
            number("Hottest", f"max({HEAT.format(where=HERE)})", "GpuHot has the limits.", GOOD, "celsius"),
            number(
                "Power of all",
                f"sum({either('DCGM_FI_DEV_POWER_USAGE', 'gpu_package_power')})",
                "Together.",
                GOOD,
                "watt",
            ),
            number(
                "Uncorrected errors",
                f"sum({either('DCGM_FI_DEV_ECC_DBE_VOL_TOTAL', 'gpu_ecc_uncorrectable')})",
                "Of memory, since the driver was loaded: drain the node, reset the GPU.",
                BAD,
            ),
            number(
                "Conditions",
                f'count(mainstay_condition{{{HERE},type=~"Gpu.+|NvSwitch.+|AmdGpu.+",status="true"}}) or vector(0)',
                "Of GPUs, that are true; the page of the node lists them.",
                BAD,
            ),
        ],
        "Work": [
            course(
                "Temperature", [Line(HEAT.format(where=HERE), GPU)], "Of the core; AMD: the hottest spot.", "celsius"
            ),
            course(
                "Power",
                [
                    Line(either("DCGM_FI_DEV_POWER_USAGE", "gpu_package_power"), GPU),
                    Line(f"max({either('DCGM_FI_DEV_ENFORCED_POWER_LIMIT', 'mainstay_amd_power_limit')})", "limit"),
                ],
                "A GPU far below the others works less, or is held back.",
                "watt",
            ),
            course(
                "Utilisation",
                [Line(either("DCGM_FI_DEV_GPU_UTIL", "gpu_gfx_activity"), GPU)],
                "Share of the time in which a kernel ran. All at 100 and no step: a hang.",
                "percent",
                most=100,
            ),
            course(
                "Memory used",
                [Line(either("DCGM_FI_DEV_FB_USED", "gpu_used_vram"), GPU)],
                "With no job on the node: something holds it (GpuMemoryHeld).",
                "mbytes",
            ),
            course(
                "Clock",
                [Line(f"({either('DCGM_FI_DEV_SM_CLOCK', 'gpu_clock')}) * 1e6", GPU)],
                "One below the others under load: heat, power or a fault (GpuSlowdown, GpuClockLow).",
                "hertz",
            ),
            course(
                "Memory's temperature",
                [Line(either("DCGM_FI_DEV_MEMORY_TEMP", "gpu_memory_temperature"), GPU)],
                "HBM is held back before the core is.",
                "celsius",
            ),
        ],
        "Errors": [
            course(
                "Memory errors",
                [
                    Line(rate("DCGM_FI_DEV_ECC_SBE_VOL_TOTAL"), f"{GPU} corrected"),
                    Line(rate("DCGM_FI_DEV_ECC_DBE_VOL_TOTAL"), f"{GPU} uncorrected"),
                ],
                "ECC, within the five minutes before.",
                "none",
            ),
            course(
                "NVLink errors",
                [
                    Line(rate("DCGM_FI_DEV_NVLINK_CRC_FLIT_ERROR_COUNT_TOTAL"), f"{GPU} CRC"),
                    Line(rate("DCGM_FI_DEV_NVLINK_REPLAY_ERROR_COUNT_TOTAL"), f"{GPU} replay"),
                    Line(rate("DCGM_FI_DEV_NVLINK_RECOVERY_ERROR_COUNT_TOTAL"), f"{GPU} recovery"),
                ],
                "Within the five minutes before.",
                "none",
            ),
            course(
                "Links",
                [
                    Line(either("mainstay_gpu_nvlinks_active", "mainstay_amd_xgmi_links_up"), f"{GPU} links"),
                    Line(rate("mainstay_gpu_pcie_replays"), f"{GPU} PCIe replays"),
                ],
                "NVLinks or XGMI links that are up; PCIe replays within the five minutes before.",
                "none",
            ),
            listing(
                "Xid and other faults of GPUs",
                f'mainstay_fault_last_timestamp_seconds{{{HERE},kind=~"xid|sxid|gpu_.+|amdgpu_.+"}} * 1000',
                "The last of each kind and GPU; docs/reference/faults.md says what each means.",
                {"kind": "Fault", "code": "Code", "component": "GPU (PCI)"},
                ("Last", SINCE),
            ),
        ],
    }
    return page("gpus", "GPUs", "Heat, power, work and errors of one node's GPUs.", rows, of_one_node=True)

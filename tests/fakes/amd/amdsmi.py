"""Plays amdsmi 7 as AMD documents it, from a file that the test rewrites: $FAKE_AMDSMI, JSON.

{"driver": status, "gpus": [{"bdf": ..., "uuid": ..., FUNCTION: answer}]}: an answer that is {"status": N} is raised as
that amdsmi_status_t, and a function without an answer raises NOT_SUPPORTED. Never compared with real hardware:
https://rocm.docs.amd.com/projects/amdsmi/en/latest/reference/amdsmi-py-api.html
"""

import json
import os
from enum import IntEnum
from pathlib import Path
from typing import Any

NOT_SUPPORTED = 2
OPENED = {"times": 0, "open": 0}


class AmdSmiException(Exception):
    pass


class AmdSmiLibraryException(AmdSmiException):
    def __init__(self, err_code: int) -> None:
        super().__init__(err_code)
        self.err_code, self.err_info = err_code, f"AMDSMI_STATUS_{err_code} - so it is"

    def get_error_code(self) -> int:
        return self.err_code


class AmdSmiTemperatureType(IntEnum):
    EDGE = 0
    HOTSPOT = 1
    VRAM = 2


class AmdSmiTemperatureMetric(IntEnum):
    CURRENT = 0
    CRITICAL = 5


class AmdSmiClkType(IntEnum):
    GFX = 0


def _played() -> dict[str, Any]:
    return json.loads(Path(os.environ["FAKE_AMDSMI"]).read_text())


def _raised(answer: Any) -> Any:
    if isinstance(answer, dict) and "status" in answer and not isinstance(answer["status"], list):
        raise AmdSmiLibraryException(answer["status"])
    return answer


def _answer(handle: int, function: str) -> Any:
    assert OPENED["open"], "not initialised"
    return _raised(_played()["gpus"][handle].get(function, {"status": NOT_SUPPORTED}))


def amdsmi_init() -> None:
    _raised({"status": _played()["driver"]} if _played().get("driver") else None)
    OPENED["times"] += 1
    OPENED["open"] += 1


def amdsmi_shut_down() -> None:
    OPENED["open"] -= 1


def amdsmi_get_processor_handles() -> list[int]:
    return list(range(len(_played()["gpus"])))


def amdsmi_get_temp_metric(handle: int, part: AmdSmiTemperatureType, metric: AmdSmiTemperatureMetric) -> int:
    return _answer(handle, f"temp {part.name} {metric.name}")


def amdsmi_get_clock_info(handle: int, clock: AmdSmiClkType) -> dict[str, Any]:
    return _answer(handle, f"clock {clock.name}")


def _function(name: str) -> Any:
    return lambda handle: _answer(handle, name)


amdsmi_get_gpu_device_bdf = _function("bdf")
amdsmi_get_gpu_device_uuid = _function("uuid")
amdsmi_get_gpu_asic_info = _function("asic_info")
amdsmi_get_gpu_activity = _function("activity")
amdsmi_get_gpu_vram_usage = _function("vram_usage")
amdsmi_get_power_info = _function("power_info")
amdsmi_get_power_cap_info = _function("power_cap_info")
amdsmi_get_gpu_total_ecc_count = _function("total_ecc_count")
amdsmi_get_gpu_metrics_info = _function("metrics_info")
amdsmi_get_gpu_driver_info = _function("driver_info")
amdsmi_get_gpu_bad_page_info = _function("bad_page_info")
amdsmi_get_gpu_bad_page_threshold = _function("bad_page_threshold")
amdsmi_get_gpu_xgmi_link_status = _function("xgmi_link_status")
amdsmi_gpu_xgmi_error_status = _function("xgmi_error_status")
amdsmi_get_pcie_info = _function("pcie_info")
amdsmi_get_gpu_process_list = _function("process_list")

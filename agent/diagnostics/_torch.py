"""torch where the site has it, and the devices that it sees."""

from __future__ import annotations

import importlib
from typing import Any, NamedTuple

ABSENT = "torch is not installed"
NO_ACCELERATOR = "no accelerator"


class Device(NamedTuple):
    name: str  # torch's: "cuda:0", "cpu"
    component: str
    kind: str

    @property
    def is_accelerator(self) -> bool:
        return self.name != "cpu"


def load() -> Any:
    """The module, or None. By name, because the agent itself never imports it."""
    try:
        return importlib.import_module("torch")
    except ImportError:
        return None


def accelerators(torch: Any) -> list[Device]:
    """ROCm's GPUs are called cuda, too."""
    if not torch.cuda.is_available():
        return []
    return [_accelerator(torch, index) for index in range(torch.cuda.device_count())]


def host() -> Device:
    return Device("cpu", "cpu", f"cpu: {_cpu_model()}")


def synchronize(torch: Any, device: Device) -> None:
    if device.is_accelerator:
        torch.cuda.synchronize(device.name)


def _accelerator(torch: Any, index: int) -> Device:
    properties = torch.cuda.get_device_properties(index)
    uuid = getattr(properties, "uuid", None)  # since torch 2.4
    return Device(f"cuda:{index}", f"GPU-{uuid}" if uuid else f"cuda:{index}", properties.name)


def _cpu_model() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            models = [line.partition(":")[2].strip() for line in file if line.startswith("model name")]
    except OSError:
        models = []
    return f"{len(models)} x {models[0]}" if models else "unknown"

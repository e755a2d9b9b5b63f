"""NVIDIA's GPUs on the PCI bus, as the kernel sees them, whatever the driver says."""

import os

from agent.sensors.pseudofiles import names, word

NVIDIA = "0x10de"
DISPLAY_CLASSES = ("0x0300", "0x0302")  # VGA controller, 3D controller
NOT_OURS = "vfio-pci"  # handed to a virtual machine


def gpus(devices: str) -> list[str]:
    """Their addresses, as in the kernel log, sorted. Empty where there is no PCI."""
    return [address(name) for name in names(devices) if _is_gpu(f"{devices}/{name}")]


def address(bus_id: str) -> str:
    """NVML's "00000000:3B:00.0" and the kernel's "0000:3b:00.0" as "0000:3b:00"."""
    domain, bus, rest = bus_id.lower().split(":")
    return f"{int(domain, 16):04x}:{bus}:{rest.partition('.')[0]}"


def bus_id(pci: str) -> str:
    """The other way round: as NVML and dcgm-exporter write it."""
    domain, _, rest = pci.upper().partition(":")
    return f"{domain.zfill(8)}:{rest}.0"


def _is_gpu(device: str) -> bool:
    if word(f"{device}/vendor") != NVIDIA:
        return False
    return (word(f"{device}/class") or "").startswith(DISPLAY_CLASSES) and _driver(device) != NOT_OURS


def _driver(device: str) -> str:
    try:
        return os.path.basename(os.readlink(f"{device}/driver"))
    except OSError:
        return ""

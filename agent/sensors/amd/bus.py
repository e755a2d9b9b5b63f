"""AMD's GPUs on the PCI bus, as the kernel sees them, whatever the driver says."""

from pathlib import Path

from agent.sensors.nvidia.pci import address

AMD = "0x1002"
ACCELERATORS = ("0x0380", "0x1200")  # display controller without a display (MI100, MI200), accelerator (MI300)
DISPLAYS = ("0x0300",)
NOT_OURS = "vfio-pci"  # handed to a virtual machine
GENERATIONS = ((2.5, 1), (5.0, 2), (8.0, 3), (16.0, 4), (32.0, 5), (64.0, 6))  # GT/s a lane


def gpus(devices: str, displays: bool) -> list[str]:
    """Their addresses, as in the kernel log, sorted."""
    folder = Path(devices)
    names = sorted(entry.name for entry in folder.iterdir()) if folder.is_dir() else []
    classes = ACCELERATORS + DISPLAYS if displays else ACCELERATORS
    return [address(name) for name in names if _is_gpu(folder / name, classes)]


def slot_limits(devices: str, pci: str) -> tuple[int | None, int | None]:
    """PCIe generation and lanes of the port above the GPU: more the two can't do together."""
    port = (Path(devices) / f"{pci}.0").resolve().parent
    try:
        speed, width = (port / "max_link_speed").read_text(), (port / "max_link_width").read_text()
        return generation(float(speed.split()[0])), int(width) or None
    except (OSError, ValueError, IndexError):
        return None, None


def generation(gt_s: float) -> int | None:
    """Of PCIe, by GT/s a lane; amdsmi tells MT/s in some versions."""
    speed = gt_s / 1000 if gt_s >= 1000 else gt_s
    return max((number for at, number in GENERATIONS if speed >= at), default=None)


def _is_gpu(entry: Path, classes: tuple[str, ...]) -> bool:
    try:
        if (entry / "vendor").read_text().strip() != AMD:
            return False
        wanted = (entry / "class").read_text().strip().startswith(classes)
    except OSError:  # unplugged this moment
        return False
    driver = entry / "driver"
    return wanted and not (driver.is_symlink() and driver.readlink().name == NOT_OURS)

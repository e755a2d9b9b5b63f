"""What the sensors of NVIDIA's GPUs share: one session with NVML, the PCI bus, and the GPUs that were ever seen.

No sensor itself: it has no Options of its own.
"""

from agent.sensors import Cadence
from wire.names import AbsolutePath


class NvidiaOptions(Cadence, frozen=True):
    """``pci_devices``: where the kernel lists what is on the PCI bus. While ``release_file`` exists, NVML is closed: a
    reset, or another tool, needs the GPUs for itself."""

    pci_devices: AbsolutePath = "/sys/bus/pci/devices"
    release_file: AbsolutePath = "/run/mainstay/release-gpus"

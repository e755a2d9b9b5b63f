"""What the sensors of AMD's GPUs share: the library, the PCI bus, and calls that may have no answer.

No sensor itself: it has no Options of its own.
"""

from agent.sensors import Cadence
from wire.names import AbsolutePath


class AmdOptions(Cadence, frozen=True):
    """``pci_devices``: where the kernel lists what is on the PCI bus. While ``release_file`` exists, the library is
    closed: a reset, or another tool, needs the GPUs for itself. ``displays``: count cards that call themselves VGA
    controllers too (Radeon); else those are taken for the console's."""

    pci_devices: AbsolutePath = "/sys/bus/pci/devices"
    release_file: AbsolutePath = "/run/mainstay/release-gpus"
    displays: bool = False

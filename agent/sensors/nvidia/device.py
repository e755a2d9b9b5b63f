"""A GPU as all sensors name it, and what can be wrong with reading it."""

from enum import StrEnum
from typing import Any

import msgspec


class Trouble(StrEnum):
    """Why a GPU, or NVML as a whole, says nothing."""

    NONE = ""
    MISSING = "missing"  # seen before, or expected, and on no bus
    UNCOUNTED = "uncounted"  # on the PCI bus, and the driver does not have it
    LOST = "lost"  # fallen off the bus
    RESET_REQUIRED = "reset_required"
    NO_ANSWER = "no_answer"
    RELEASED = "released"  # on purpose
    LIBRARY_MISSING = "library_missing"
    DRIVER_NOT_LOADED = "driver_not_loaded"
    VERSION_MISMATCH = "version_mismatch"
    NO_PERMISSION = "no_permission"


class Device(msgspec.Struct, frozen=True, kw_only=True):
    """``pci`` is as in the kernel log ("0000:3b:00"). ``index`` is NVML's, -1 where NVML does not count it. ``uuid``
    and ``model`` are empty for one that never answered. ``error``: what NVML says when there is ``trouble``."""

    pci: str
    uuid: str = ""
    model: str = ""
    index: int = -1
    trouble: Trouble = Trouble.NONE
    error: str = ""

    @property
    def component(self) -> str:
        """What conditions name it by."""
        return self.uuid or self.pci


def known_by(device: Device) -> dict[str, Any]:
    """Its fields as a Device, to make a richer one of."""
    return {name: getattr(device, name) for name in Device.__struct_fields__}

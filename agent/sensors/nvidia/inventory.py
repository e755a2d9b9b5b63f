"""The GPUs that this node was ever seen with, so that one that is gone after a reboot is missed.

A person who takes a GPU out for good deletes the file (or sets ``expected``).
"""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from agent.sensors.nvidia.device import Device, Trouble

FILE = "gpus-seen.json"


class Seen(msgspec.Struct, frozen=True):
    pci: str
    uuid: str
    model: str = ""


Inventory = tuple[Seen, ...]


def path(state_dir: str) -> Path | None:
    """None: nothing is kept."""
    return Path(state_dir) / FILE if state_dir else None


def load(file: Path | None) -> Inventory:
    """What was kept; nothing when that can't be read."""
    try:
        return msgspec.json.decode(file.read_bytes(), type=Inventory) if file else ()
    except (OSError, msgspec.MsgspecError):
        return ()


def save(file: Path | None, inventory: Inventory) -> None:
    if file is None:
        return
    fresh = file.with_suffix(".new")
    fresh.write_bytes(msgspec.json.format(msgspec.json.encode(inventory)))
    os.replace(fresh, file)


def after(inventory: Inventory, devices: Iterable[Device]) -> Inventory:
    """With the GPUs that answer now. One that moved to another slot, or that took another's slot, replaces it."""
    fresh = {device.uuid: Seen(device.pci, device.uuid, device.model) for device in devices if device.uuid}
    taken = {seen.pci for seen in fresh.values()}
    kept = [seen for seen in inventory if seen.uuid not in fresh and seen.pci not in taken]
    return tuple(sorted([*kept, *fresh.values()], key=lambda seen: seen.pci))


def named(inventory: Inventory, device: Device) -> Device:
    """``device`` with the name it had when it last answered."""
    match = next((seen for seen in inventory if seen.pci == device.pci), None)
    if device.uuid or match is None:
        return device
    return msgspec.structs.replace(device, uuid=match.uuid, model=match.model)


def missing(inventory: Inventory, present: Sequence[Device], expected: int | None) -> list[Device]:
    """Those that were seen before, and so many unknown ones that ``expected`` is reached. ``expected`` is the last word
    if it is set: what is too many for it is not missed."""
    there = {device.pci for device in present} | {device.uuid for device in present if device.uuid}
    gone = [seen for seen in inventory if seen.pci not in there and seen.uuid not in there]
    if expected is not None:
        gone = gone[: max(expected - len(present), 0)]
    lacking = max((expected or 0) - len(present) - len(gone), 0)
    strangers = [Seen(f"unknown-{number}", "") for number in range(1, lacking + 1)]
    return [_missing(seen) for seen in (*gone, *strangers)]


def _missing(seen: Seen) -> Device:
    return Device(pci=seen.pci, uuid=seen.uuid, model=seen.model, trouble=Trouble.MISSING, error="not on the PCI bus")


def unread(inventory: Inventory, buses: Sequence[str], why: Trouble, error: str) -> list[Device]:
    """The GPUs on the PCI bus while NVML says nothing."""
    return [named(inventory, Device(pci=pci, trouble=why, error=error)) for pci in buses]

"""Copies between page-locked host memory and each accelerator, both ways: PCIe's width, generation and health."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from agent.diagnostics import GB, Asked, Figure, _torch, skipped
from agent.diagnostics._clock import typical_s
from agent.diagnostics._torch import Device

MIB = 2**20
BYTES = 256 * MIB
FOR_S, QUICK_S = 1.0, 0.3
PERIOD = 251  # of the pattern: a prime, so that no page is like its neighbour


def examine(asked: Asked) -> Iterator[Figure]:
    torch = _torch.load()
    if torch is None:
        yield skipped("host_device_copy", _torch.ABSENT)
        return
    devices = _torch.accelerators(torch)
    if not devices:
        yield skipped("host_device_copy", _torch.NO_ACCELERATOR)
    for device in devices:
        yield from _both_ways(torch, device, QUICK_S if asked.quick else FOR_S)


def _both_ways(torch: Any, device: Device, for_s: float) -> Iterator[Figure]:
    there = torch.arange(PERIOD, dtype=torch.uint8).repeat(BYTES // PERIOD + 1)[:BYTES].pin_memory()
    back = torch.zeros(BYTES, dtype=torch.uint8, pin_memory=True)
    remote = torch.zeros(BYTES, dtype=torch.uint8, device=device.name)
    speeds = [_speed(torch, device, target, source, for_s) for target, source in ((remote, there), (back, remote))]
    same = bool(torch.equal(there, back))
    message = "" if same else "wrong result: what came back differs from what was sent"
    for name, speed in (("copy_to_device", speeds[0]), ("copy_from_device", speeds[1])):
        yield Figure(name, device.component, speed, "GB/s", same, device.kind, message, not same)


def _speed(torch: Any, device: Device, target: Any, source: Any, for_s: float) -> float:
    def copy() -> None:
        target.copy_(source, non_blocking=True)
        _torch.synchronize(torch, device)

    return BYTES / typical_s(copy, for_s) / GB

"""Memory bandwidth: of the host, one thread copying; of each accelerator, a copy within its own memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from agent.diagnostics import GB, Asked, Figure, _torch, skipped
from agent.diagnostics._clock import typical_s
from agent.diagnostics._torch import Device

MIB = 2**20
HOST_BYTES, QUICK_HOST_BYTES = 256 * MIB, 64 * MIB  # more than caches hold
DEVICE_BYTES = 1024 * MIB
FOR_S, QUICK_S = 1.0, 0.3


def examine(asked: Asked) -> Iterator[Figure]:
    yield _of_host(QUICK_HOST_BYTES if asked.quick else HOST_BYTES, QUICK_S if asked.quick else FOR_S)
    torch = _torch.load()
    if torch is None:
        yield skipped("memory_bandwidth_device", _torch.ABSENT)
        return
    devices = _torch.accelerators(torch)
    if not devices:
        yield skipped("memory_bandwidth_device", _torch.NO_ACCELERATOR)
    for device in devices:
        yield _of_device(torch, device, QUICK_S if asked.quick else FOR_S)


def _of_host(size: int, for_s: float) -> Figure:
    source, target = bytearray(b"\xa5") * size, bytearray(size)
    into = memoryview(target)

    def copy() -> None:
        into[:] = source

    speed = 2 * size / typical_s(copy, for_s) / GB  # read once, written once
    same = source == target
    message = "" if same else "wrong result: the copy differs from what was copied"
    return Figure("memory_bandwidth_host", "memory", speed, "GB/s", same, _torch.host().kind, message, not same)


def _of_device(torch: Any, device: Device, for_s: float) -> Figure:
    free, _ = torch.cuda.mem_get_info(device.name)
    size = min(DEVICE_BYTES, free // 4)
    source = torch.full((size,), 0xA5, dtype=torch.uint8, device=device.name)
    target = torch.zeros_like(source)

    def copy() -> None:
        target.copy_(source)
        _torch.synchronize(torch, device)

    speed = 2 * size / typical_s(copy, for_s) / GB
    same = bool(torch.equal(source, target))
    message = "" if same else "wrong result: the copy differs from what was copied"
    return Figure("memory_bandwidth_device", device.component, speed, "GB/s", same, device.kind, message, not same)

"""An all-reduce between two nodes: speed and correctness of what joins them. NCCL where both have GPUs, else gloo.

The speed is NCCL's bus bandwidth (nccl-tests, doc/PERFORMANCE.md): size / time * 2 (n - 1) / n, which for two is
size / time. The sums are whole numbers that float32 holds exactly, so the result has to be right to the last bit.
"""

from __future__ import annotations

import contextlib
import datetime
import fcntl
import os
import socket
import statistics
import struct
import time
from collections.abc import Iterator
from typing import Any

from agent.diagnostics import GB, Asked, Figure, Pair, _torch, skipped
from agent.diagnostics._torch import Device

MIB = 2**20
BYTES = {"gloo": 32 * MIB, "nccl": 256 * MIB}
ROUNDS = {"gloo": 8, "nccl": 20}  # both sides do as many
PERIOD = 251
MEET_S = 60.0  # the peer may be slow to load torch
SIOCGIFADDR = 0x8915  # linux/sockios.h


def examine(asked: Asked) -> Iterator[Figure]:
    torch = _torch.load()
    if torch is None:
        yield skipped("all_reduce", _torch.ABSENT)
        return
    if asked.pair is None:
        yield skipped("all_reduce", "no peer was named")
        return
    yield _between(torch, asked.pair)


def _between(torch: Any, pair: Pair) -> Figure:
    accelerators = _torch.accelerators(torch)
    patience = datetime.timedelta(seconds=MEET_S)
    store = torch.distributed.TCPStore(pair.address, pair.port, 2, pair.rank == 0, timeout=patience)
    backend = _agreed(store, pair.rank, bool(accelerators))
    _use_interface_towards(pair)
    device = accelerators[0] if backend == "nccl" else _torch.host()
    if device.is_accelerator:
        torch.cuda.set_device(device.name)
    torch.distributed.init_process_group(backend, store=store, rank=pair.rank, world_size=2, timeout=patience)
    try:
        speed, right = _measured(torch, device, backend, pair.rank)
        _part(store, pair.rank)
    finally:
        torch.distributed.destroy_process_group()
    message = "" if right else f"wrong result: the sum with {pair.peer} is not the sum"
    return Figure("all_reduce", pair.peer, speed, "GB/s", right, backend, message, not right)


def _agreed(store: Any, rank: int, has_gpu: bool) -> str:
    store.set(f"gpu{rank}", str(has_gpu))
    both = all(store.get(f"gpu{each}") == b"True" for each in range(2))
    return "nccl" if both else "gloo"


def _measured(torch: Any, device: Device, backend: str, rank: int) -> tuple[float, bool]:
    count = BYTES[backend] // 4
    pattern = (torch.arange(count, device=device.name) % PERIOD).to(torch.float32)
    expected = pattern * 2 + 1
    taken, right = [], True
    for _ in range(ROUNDS[backend] + 1):
        mine = pattern + rank
        torch.distributed.barrier()
        _torch.synchronize(torch, device)
        began = time.perf_counter()
        torch.distributed.all_reduce(mine)
        _torch.synchronize(torch, device)
        taken.append(time.perf_counter() - began)
        right = right and bool(torch.equal(mine, expected))
    return BYTES[backend] / statistics.median(taken[1:]) / GB, right  # the first also makes the connections


def _part(store: Any, rank: int) -> None:
    """The store lives in rank 0's process: it goes last."""
    store.set(f"done{rank}", "")
    if rank == 0:
        store.wait(["done1"])


def _use_interface_towards(pair: Pair) -> None:
    """A host's own name often stands for its loopback interface: say which one leads to the peer."""
    name = _interface_towards(pair)
    if name:
        os.environ.setdefault("GLOO_SOCKET_IFNAME", name)
        os.environ.setdefault("NCCL_SOCKET_IFNAME", name)


def _interface_towards(pair: Pair) -> str:
    """Empty where it can't be told (IPv6)."""
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect((pair.address, pair.port))  # sends nothing
        own = probe.getsockname()[0]
        for _, name in socket.if_nameindex():
            with contextlib.suppress(OSError):
                answer = fcntl.ioctl(probe.fileno(), SIOCGIFADDR, struct.pack("256s", name.encode()[:15]))
                if socket.inet_ntoa(answer[20:24]) == own:
                    return name
    return ""

"""Matrix products whose every element is checked: an accelerator, or a CPU, that computes wrongly and says nothing.

The operands are -1, 0 and 1, mostly 0, so that every product and every partial sum is a small whole number which
float32, TF32, float16 and bfloat16 hold exactly: whatever the order of summation, right hardware gives the same bits.

Two checks, neither with a tolerance. The first product is held against its operands, on the host and in float64, by
Freivalds' check (R. Freivalds, "Probabilistic machines can use less running time", 1977): C x = A (B x) for eight
random vectors of -1 and 1; a wrong element alone is always found, any other wrong product with probability 1 - 2^-8.
Each further product is compared bit by bit with the first.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from typing import Any

from agent.diagnostics import Asked, Figure, _torch, skipped
from agent.diagnostics._torch import Device

SIZE, CPU_SIZE = 4096, 1024
DENSITY = 0.25  # of the non-zeros: sums stay far below 256, up to where bfloat16 knows every whole number
FOR_S, QUICK_S = 4.0, 1.0  # a device and number format
VECTORS = 8
SEED = 1977
TERA = 1e12

Multiply = Callable[[Any, Any], Any]


def examine(asked: Asked, multiply: Multiply | None = None) -> Iterator[Figure]:
    """``multiply`` stands for torch.matmul; the results of another one are checked as strictly."""
    torch = _torch.load()
    if torch is None:
        yield skipped("gemm", _torch.ABSENT)
        return
    accelerators = _torch.accelerators(torch)
    if asked.quick and not accelerators:
        yield skipped("gemm", f"{_torch.NO_ACCELERATOR}, and a quick round leaves the CPU alone")
        return
    torch.backends.cuda.matmul.allow_tf32 = True  # the tensor cores, which is where training computes
    for device in accelerators or [_torch.host()]:
        for number in ("float32", "bfloat16") if device.is_accelerator else ("float32",):
            yield _examined(torch, device, number, QUICK_S if asked.quick else FOR_S, multiply or torch.matmul)


def _examined(torch: Any, device: Device, number: str, for_s: float, multiply: Multiply) -> Figure:
    size = SIZE if device.is_accelerator else CPU_SIZE
    left, right = _operands(torch, size)
    a, b = (each.to(device.name, getattr(torch, number)) for each in (left, right))
    first = multiply(a, b)
    taken, different = _repeated(torch, device, lambda: multiply(a, b), first, for_s)
    message = _verdict(_freivalds(torch, left, right, first.to("cpu", torch.float32)), different, len(taken))
    speed = 2 * size**3 / statistics.median(taken) / TERA
    return Figure(
        f"gemm_{number}", device.component, speed, "TFLOP/s", not message, device.kind, message, bool(message)
    )


def _operands(torch: Any, size: int) -> list[Any]:
    random = torch.Generator().manual_seed(SEED)
    signs = [torch.randint(0, 2, (size, size), generator=random, dtype=torch.int8) * 2 - 1 for _ in range(2)]
    kept = [torch.rand((size, size), generator=random) < DENSITY for _ in range(2)]
    return [(sign * keep).to(torch.float32) for sign, keep in zip(signs, kept)]  # noqa: B905 - Python 3.9 has no strict


def _repeated(
    torch: Any, device: Device, multiply: Callable[[], Any], first: Any, for_s: float
) -> tuple[list[float], int]:
    """How long each took, and how many gave another result than the first."""
    taken: list[float] = []
    different = 0
    until = time.perf_counter() + for_s
    while len(taken) < 3 or time.perf_counter() < until:
        _torch.synchronize(torch, device)
        began = time.perf_counter()
        product = multiply()
        _torch.synchronize(torch, device)
        taken.append(time.perf_counter() - began)
        different += not torch.equal(product, first)
    return taken, different


def _freivalds(torch: Any, left: Any, right: Any, product: Any) -> bool:
    """Whether it is their product. Whole numbers, far below 2^53: exact in float64."""
    random = torch.Generator().manual_seed(SEED + 1)
    probe = torch.randint(0, 2, (right.shape[1], VECTORS), generator=random).to(torch.float64) * 2 - 1
    told = product.to(torch.float64) @ probe
    return bool(torch.equal(told, left.to(torch.float64) @ (right.to(torch.float64) @ probe)))


def _verdict(is_product: bool, different: int, repeated: int) -> str:
    """Empty when all is right."""
    wrong = [] if is_product else ["the product is not that of its operands (Freivalds)"]
    if different:
        wrong.append(f"{different} of {repeated} repetitions differ from the first product")
    return f"wrong result: {'; '.join(wrong)}" if wrong else ""

"""Reads what ranks report through ``mainstay.report``. The layout is told in mainstay/progress_file.py."""

import contextlib
import math
import struct
from datetime import UTC, datetime

import msgspec

from agent.workers.shim import untrusted

LAYOUT = struct.Struct("<8sIIqqdd")
MAGIC = b"MSTPROG1"
VERSION = 1
TRIES = 3


class Progress(msgspec.Struct, frozen=True):
    step: int
    first_step: int
    loss: float | None
    reported_at: datetime | None


def read(path: str, uid: int) -> Progress | None:
    """None when there is no report yet, or none that makes sense. Never maps the file: its owner may cut it short."""
    for _ in range(TRIES):
        try:
            data = untrusted.read_small(path, LAYOUT.size, uid)
            again = untrusted.read_small(path, LAYOUT.size, uid)
        except OSError:
            return None
        if data == again and (progress := decode(data)) is not None:
            return progress
    return None


def decode(data: bytes) -> Progress | None:
    if len(data) != LAYOUT.size:
        return None
    magic, version, sequence, step, first_step, loss, at = LAYOUT.unpack(data)
    if magic != MAGIC or version != VERSION or sequence == 0 or sequence % 2:
        return None
    return Progress(step, first_step, loss if math.isfinite(loss) else None, _utc(at))


def _utc(seconds: float) -> datetime | None:
    with contextlib.suppress(ValueError, OverflowError, OSError):
        return datetime.fromtimestamp(seconds, UTC)
    return None

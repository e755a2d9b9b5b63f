"""The file through which a rank tells how far it is: ``$MAINSTAY_WORKER_DIR/progress-RANK``.

48 bytes, little-endian, mapped into memory by the rank and read by the agent:

    offset  type   field
    0       8s     magic       b"MSTPROG1"
    8       u32    version     1
    12      u32    sequence    odd while the rank is writing; 0 before the first report
    16      i64    step        the newest reported step
    24      i64    first_step  the first step this process reported
    32      f64    loss        NaN when not reported
    40      f64    time        seconds since 1970 of the newest report

A reader takes the file when the sequence is even, not 0, and the same before and after (a seqlock).
"""

import math
import mmap
import os
import struct
from typing import Optional

MAGIC = b"MSTPROG1"
VERSION = 1
LAYOUT = struct.Struct("<8sIIqqdd")
SEQUENCE = struct.Struct("<I")
SEQUENCE_AT = 12
BODY = struct.Struct("<qqdd")
BODY_AT = 16


class ProgressFile:
    """The writing end. Raises OSError when the file cannot be made."""

    def __init__(self, path: str) -> None:
        # Written before it is mapped: the block is then allocated, and a disk that fills up later is no SIGBUS.
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            if os.pwrite(fd, LAYOUT.pack(MAGIC, VERSION, 0, 0, 0, math.nan, 0.0), 0) != LAYOUT.size:
                raise OSError("short write")
            self._map = mmap.mmap(fd, LAYOUT.size)
        finally:
            os.close(fd)
        self._sequence = 0
        self._first_step: Optional[int] = None

    def write(self, step: int, loss: float, now: float) -> None:
        first_step = step if self._first_step is None else self._first_step
        body = BODY.pack(step, first_step, loss, now)  # before the lock: it may raise
        self._first_step = first_step
        sequence = self._sequence
        SEQUENCE.pack_into(self._map, SEQUENCE_AT, sequence + 1)
        self._map[BODY_AT : BODY_AT + BODY.size] = body
        self._sequence = (sequence + 2) & 0xFFFFFFFE or 2
        SEQUENCE.pack_into(self._map, SEQUENCE_AT, self._sequence)

"""How well the machine's clock is kept, by the kernel's own word (adjtimex(2)) and by chrony's, which corrects the
clock by its frequency and leaves the kernel no offset to tell of. No server is asked. A container that may not ask the
kernel has no clock of its own: its host's agent tells of it.
"""

import subprocess
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from agent.helper.tools import find
from agent.sensors import Cadence, Family, Seconds

TIME_ERROR = 5
UNSYNCHRONISED = 0x0040
NANOSECONDS = 0x2000
MICRO, NANO = 1e-6, 1e-9
USUAL_TICK = 10_000
CHRONYC = ("chronyc",)
CHRONY_S = 2.0


class Options(Cadence, frozen=True):
    every_s: Seconds = 60.0


class Reading(msgspec.Struct, frozen=True):
    """``offset_s``: what the kernel or chrony still has to correct; positive when the clock is behind. ``max_error_s``
    grows by 0.5 ms a second while nothing disciplines the clock, up to 16 s. ``disciplined``: something has steered it
    since boot."""

    offset_s: float
    max_error_s: float
    estimated_error_s: float
    synchronised: bool
    disciplined: bool


def read(_options: Options, chronyc: Sequence[str] = CHRONYC) -> Reading | None:
    try:
        state, timex = _adjtimex()
    except PermissionError:
        return None
    unit = NANO if timex.status & NANOSECONDS else MICRO
    chrony = _tracking(chronyc)
    return Reading(
        offset_s=timex.offset * unit if chrony is None else chrony,
        max_error_s=timex.maxerror * MICRO,
        estimated_error_s=timex.esterror * MICRO,
        synchronised=state != TIME_ERROR and not timex.status & UNSYNCHRONISED,
        disciplined=timex.freq != 0 or timex.offset != 0 or timex.tick != USUAL_TICK or chrony is not None,
    )


def tracking(output: str) -> float | None:
    """Seconds that the clock is behind, of ``chronyc -c tracking``; None before chrony has a source."""
    fields = output.strip().split(",")
    if len(fields) < 14 or fields[13] == "Not synchronised":
        return None
    try:
        return float(fields[4])
    except ValueError:
        return None


def _tracking(chronyc: Sequence[str]) -> float | None:
    """None where chrony isn't there, or doesn't run. It may be asked by anybody on the machine."""
    program = find(chronyc[0])
    if program is None:
        return None
    try:
        done = subprocess.run(
            [program, *chronyc[1:], "-n", "-c", "tracking"], capture_output=True, text=True, timeout=CHRONY_S
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return tracking(done.stdout)


_called: Any = None


def _adjtimex() -> tuple[int, Any]:
    """Reading needs no right. Raises PermissionError where a sandbox forbids the call."""
    global _called
    import ctypes
    import os

    if _called is None:
        _called = _prepare()
    call, timex = _called
    state = call(ctypes.byref(timex))
    if state < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"adjtimex: {os.strerror(code)}")
    return state, timex


def _prepare() -> Any:
    import ctypes

    long = ctypes.c_long

    class Timex(ctypes.Structure):
        """struct timex of adjtimex(2). ``modes`` 0: nothing is set."""

        _fields_ = (
            ("modes", ctypes.c_uint),
            ("offset", long), ("freq", long), ("maxerror", long), ("esterror", long),
            ("status", ctypes.c_int),
            ("constant", long), ("precision", long), ("tolerance", long),
            ("seconds", long), ("subseconds", long), ("tick", long),
            ("rest", ctypes.c_byte * 256),
        )  # fmt: skip

    call = ctypes.CDLL(None, use_errno=True).adjtimex
    return call, Timex()


def metrics(reading: Reading) -> Iterable[Family]:
    for name, value, help_ in (
        ("node_timex_offset_seconds", reading.offset_s, "Time offset between local system and reference clock."),
        ("node_timex_maxerror_seconds", reading.max_error_s, "Maximum error."),
        ("node_timex_estimated_error_seconds", reading.estimated_error_s, "Estimated error."),
        ("node_timex_sync_status", float(reading.synchronised), "Is clock synchronised to a reliable server."),
    ):
        yield Family(name, help_, [({}, value)])

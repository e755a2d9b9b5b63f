"""/dev/kmsg, as https://docs.kernel.org/admin-guide/abi-testing.html#abi-file-testing-dev-kmsg says: a read gives one
record ``PRIORITY,SEQUENCE,MICROSECONDS,FLAGS[,...];TEXT``, then lines of properties that begin with a blank; EPIPE
means that records were overwritten before they were read."""

import errno
import os
import re
import select
import time
from collections.abc import Iterator

import msgspec

from agent.sensors.kernel import Position, Record, Unreadable, slept_s

SIZE = 16_384  # the kernel's largest record has 8 KiB; a smaller room is EINVAL
WAKE_MS = 30_000
ESCAPED = re.compile(rb"\\x([0-9a-f]{2})")


class Line(msgspec.Struct, frozen=True):
    """A record as it was read."""

    facility: int
    seq: int
    stamp_us: int
    text: str


def records(path: str, boot_id: str, after: Position) -> Iterator[Record | None]:
    """None when all that is there was given, at least once in WAKE_MS. Ends if the file does. Raises Unreadable."""
    descriptor = _open(path)
    try:
        yield from _records(descriptor, boot_id, after)
    finally:
        os.close(descriptor)


def refusal(path: str) -> str:
    """Why it can't be read; empty if it can."""
    try:
        os.close(_open(path))
    except Unreadable as error:
        return str(error)
    return ""


def _records(descriptor: int, boot_id: str, after: Position) -> Iterator[Record | None]:
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    start, clock = _Start(boot_id, after), _Stamps(boot_id, after)
    live, rest = False, b""  # the device gives whole records; a pipe in its place need not
    while True:
        data = _read(descriptor)
        if data is None:
            yield None
            poll.poll(WAKE_MS)
            live = True
            continue
        if not data:
            return
        whole, newline, rest = (rest + data).rpartition(b"\n")
        for line in lines(whole + newline):
            if not live and start.is_known(line):
                continue
            at = clock.arrived(line.stamp_us) if live else clock.at(line.stamp_us)
            position = Position(boot_id, line.seq, "", line.stamp_us, clock.skew_s)
            yield Record(at, line.facility, line.text, position, start.missing(line.seq))


def lines(data: bytes) -> Iterator[Line]:
    """Whatever is not of the form is passed over."""
    for raw in data.split(b"\n"):
        head, semicolon, text = raw.partition(b";")
        fields = head.split(b",")
        if not semicolon or raw.startswith(b" ") or len(fields) < 3:
            continue
        try:
            priority, seq, stamp_us = (int(field) for field in fields[:3])
        except ValueError:
            continue
        yield Line(priority >> 3, seq, stamp_us, unescape(text))


def unescape(text: bytes) -> str:
    """The kernel writes what is no printable ASCII as ``\\xHH``, its own newlines and backslashes too."""
    return ESCAPED.sub(lambda match: bytes([int(match[1], 16)]), text).decode("utf-8", "replace")


class _Start:
    """What was read before, and what is missing since."""

    def __init__(self, boot_id: str, after: Position) -> None:
        same = after.boot_id == boot_id
        self._seq = after.seq if same else -1
        self._stamp_us = after.stamp_us if same and after.seq < 0 else -1  # the journal was followed
        self._next = self._seq + 1 if self._seq >= 0 else None

    def is_known(self, line: Line) -> bool:
        return line.seq <= self._seq or line.stamp_us <= self._stamp_us

    def missing(self, seq: int) -> int:
        expected, self._next = self._next, seq + 1
        return max(0, seq - expected) if expected is not None else 0


class _Stamps:
    """The kernel's stamps are of a clock that nobody disciplines, and run away from CLOCK_MONOTONIC by seconds a week.
    A line that was waited for is of now; by how far its stamp is off tells when the next restart's backlog was."""

    def __init__(self, boot_id: str, after: Position) -> None:
        learned = after.skew_s if after.boot_id == boot_id else None
        self.skew_s = slept_s() if learned is None else learned

    def at(self, stamp_us: int) -> float:
        return min(stamp_us / 1e6 + self.skew_s, time.clock_gettime(time.CLOCK_BOOTTIME))

    def arrived(self, stamp_us: int) -> float:
        now = time.clock_gettime(time.CLOCK_BOOTTIME)
        self.skew_s = round(now - stamp_us / 1e6, 6)
        return now


def _open(path: str) -> int:
    try:
        return os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise Unreadable(f"{path}: {error.strerror}") from None


def _read(descriptor: int) -> bytes | None:
    while True:
        try:
            return os.read(descriptor, SIZE)
        except BlockingIOError:
            return None
        except OSError as error:
            if error.errno != errno.EPIPE:
                raise Unreadable(f"the kernel's log: {error.strerror}") from None

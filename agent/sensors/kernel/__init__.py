"""The kernel's log as records, from /dev/kmsg or from the journal."""

import time

import msgspec


class Position(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where reading goes on. ``seq`` is kmsg's, ``cursor`` the journal's; ``stamp_us`` is the kernel's own time of the
    record, by which the one finds its place after the other. ``skew_s`` turns that time into CLOCK_BOOTTIME."""

    boot_id: str = ""
    seq: int = -1
    cursor: str = ""
    stamp_us: int = -1
    skew_s: float | None = None


class Record(msgspec.Struct, frozen=True):
    """One line or more. ``at``: seconds of CLOCK_BOOTTIME. ``lost``: records before it that nobody could read."""

    at: float
    facility: int
    text: str
    position: Position
    lost: int = 0


class Unreadable(OSError):
    """This source can't be followed on this machine, or not any more."""


def parse(text: str) -> Position:
    """What is no position, of another version's, is the beginning."""
    try:
        return msgspec.json.decode(text, type=Position)
    except msgspec.MsgspecError:
        return Position()


def encode(position: Position) -> str:
    return msgspec.json.encode(position).decode()


def slept_s() -> float:
    """How far CLOCK_BOOTTIME is ahead of CLOCK_MONOTONIC: what the machine slept."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) - time.clock_gettime(time.CLOCK_MONOTONIC)

"""The kernel's lines in the journal, for who may read that and not /dev/kmsg. ``journalctl`` is asked: libsystemd has
no Python binding without a compiler."""

import os
import re
import select
import subprocess
from collections.abc import Iterator
from typing import Any

import msgspec

from agent.sensors.kernel import Position, Record, Unreadable, slept_s

WAKE_MS = 30_000
WITHIN_S = 60.0
PIECE = 65_536
CURSOR = re.compile(r"[A-Za-z0-9=;_.-]+")
FIELDS = "MESSAGE,SYSLOG_FACILITY,_SOURCE_MONOTONIC_TIMESTAMP"


def records(directory: str, boot_id: str, after: Position) -> Iterator[Record | None]:
    """As :func:`agent.sensors.kernel.kmsg.records`. The child is gone when this is."""
    _demand_a_line(directory)
    same = after if after.boot_id == boot_id else Position()
    with _started(argv(directory, same.cursor)) as child:
        try:
            for line in _lines(child):
                record = None if line is None else _record(line, boot_id)
                if line is None or (record is not None and not _is_known(record, same)):
                    yield record
            raise Unreadable(_last_words(child))
        finally:
            child.kill()


def argv(directory: str, cursor: str) -> list[str]:
    command = [*_about(directory), "--follow", "--no-tail", "--all", f"--output-fields={FIELDS}"]
    return [*command, f"--after-cursor={cursor}"] if CURSOR.fullmatch(cursor) else command


def _about(directory: str) -> list[str]:
    """The kernel's lines of this boot."""
    command = ["journalctl", "--dmesg", "--quiet", "--output=json"]
    return [*command, f"--directory={directory}"] if directory else command


def _demand_a_line(directory: str) -> None:
    """Where there is no journal, or none that this user may read, ``--follow`` waits for ever and says nothing."""
    try:
        command = [*_about(directory), "--lines=1"]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=WITHIN_S, cwd="/")
    except OSError as error:
        raise Unreadable(f"journalctl: {error.strerror}") from None
    except subprocess.TimeoutExpired:
        raise Unreadable(f"journalctl: no answer within {WITHIN_S:g} s") from None
    if not done.stdout.strip():
        raise Unreadable("journalctl: no line of the kernel's of this boot that this user may read")


def _started(command: list[str]) -> "subprocess.Popen[bytes]":
    pipe = subprocess.PIPE
    try:
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe, cwd="/")
    except OSError as error:
        raise Unreadable(f"journalctl: {error.strerror}") from None


def _lines(child: "subprocess.Popen[bytes]") -> Iterator[bytes | None]:
    """None when there is nothing more now."""
    assert child.stdout is not None
    descriptor, rest = child.stdout.fileno(), b""
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    while True:
        if not poll.poll(0):
            yield None
            poll.poll(WAKE_MS)
        if not poll.poll(0):
            continue
        piece = os.read(descriptor, PIECE)
        if not piece:
            return
        *whole, rest = (rest + piece).split(b"\n")
        yield from whole


def _record(line: bytes, boot_id: str) -> Record | None:
    """The journal's own stamp is of when it got the line, and of a disciplined clock."""
    try:
        entry: dict[str, Any] = msgspec.json.decode(line)
        received_us = int(entry["__MONOTONIC_TIMESTAMP"])
        stamp_us = int(entry.get("_SOURCE_MONOTONIC_TIMESTAMP", received_us))
        facility, cursor = int(entry.get("SYSLOG_FACILITY", 0)), str(entry["__CURSOR"])
    except (msgspec.MsgspecError, KeyError, TypeError, ValueError):
        return None
    at = received_us / 1e6 + slept_s()
    position = Position(boot_id, -1, cursor, stamp_us, round(at - stamp_us / 1e6, 6))
    return Record(at, facility, _text(entry.get("MESSAGE")), position)


def _text(message: Any) -> str:
    """What is not UTF-8 comes as a list of numbers, a field that was given twice as a list of texts."""
    if isinstance(message, list):
        if all(isinstance(each, int) and 0 <= each < 256 for each in message):
            return bytes(message).decode("utf-8", "replace")
        return "\n".join(map(_text, message))
    return message if isinstance(message, str) else ""


def _is_known(record: Record, after: Position) -> bool:
    """The cursor sees to it, unless kmsg was followed before."""
    return not after.cursor and record.position.stamp_us <= after.stamp_us


def _last_words(child: "subprocess.Popen[bytes]") -> str:
    assert child.stderr is not None
    said = child.stderr.read().decode("utf-8", "replace").split("\n")
    why = next((line for line in reversed(said) if line.strip()), "it ended")
    return f"journalctl: {why.strip()}"

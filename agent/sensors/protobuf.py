"""Reading and writing Protocol Buffers by field numbers: enough for a handful of small messages, without the library.

https://protobuf.dev/programming-guides/encoding/
"""

import struct
from collections.abc import Iterator

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
Value = int | bytes  # bytes also for the fixed sizes


class Malformed(ValueError):
    """That is no message."""


def fields(message: bytes) -> Iterator[tuple[int, Value]]:
    """Number and value of each field, in the order in which they come."""
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        if key & 7 == VARINT:
            value: Value
            value, at = _varint(message, at)
        else:
            size, at = _size(message, at, key & 7)
            value, at = message[at : at + size], at + size
            if at > len(message):
                raise Malformed("cut short")
        yield key >> 3, value


def first(message: bytes, number: int) -> Value | None:
    return next((value for each, value in fields(message) if each == number), None)


def inner(message: bytes, *numbers: int) -> bytes:
    """The message in the message in the message; empty where there is none."""
    for number in numbers:
        found = first(message, number)
        message = found if isinstance(found, bytes) else b""
    return message


def double(value: bytes) -> float:
    if len(value) != 8:
        raise Malformed("no double")
    return float(struct.unpack("<d", value)[0])


def text(number: int, value: str) -> bytes:
    """A field of text, written."""
    data = value.encode()
    return _written(number << 3 | BYTES) + _written(len(data)) + data


def _size(message: bytes, at: int, kind: int) -> tuple[int, int]:
    if kind == BYTES:
        return _varint(message, at)
    if kind in (FIXED64, FIXED32):
        return (8 if kind == FIXED64 else 4), at
    raise Malformed(f"wire type {kind}")


def _varint(message: bytes, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(message):
            raise Malformed("cut short")
        byte, at = message[at], at + 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & (2**64 - 1), at
    raise Malformed("a number without end")


def _written(value: int) -> bytes:
    data = bytearray()
    while value >= 0x80:
        data.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*data, value])

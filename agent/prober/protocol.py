"""Frames between the agent and its prober: MessagePack behind four bytes of length, over the child's stdin and stdout.

The agent says Begin first and the child answers Ready. Then each Ask has one Answer, in any order. After Follow the
child sends what the sensors that follow a source have to tell.
"""

import struct
from typing import Any

import msgspec

from agent.config import Config
from agent.sensors import Host
from agent.site import SiteChecks

HEADER = struct.Struct("<I")
MAX_FRAME = 4 * 2**20


class Begin(msgspec.Struct, tag="begin", frozen=True):
    config: Config
    site: SiteChecks
    host: Host


class Ask(msgspec.Struct, tag="ask", frozen=True):
    sensor: str
    id: int


class Tell(msgspec.Struct, tag="tell", frozen=True):
    sensor: str
    news: bytes


class Follow(msgspec.Struct, tag="follow", frozen=True):
    """``positions``: by sensor, where to go on."""

    positions: dict[str, str]


class Ready(msgspec.Struct, tag="ready", frozen=True):
    pass


class Answer(msgspec.Struct, tag="answer", frozen=True):
    """``at``: seconds of CLOCK_BOOTTIME when the look ended. ``reading`` is MessagePack; None when the
    machine has no such thing. ``error``: what the sensor raised."""

    id: int
    at: float
    took_s: float
    reading: bytes | None = None
    error: str = ""


class Told(msgspec.Struct, tag="told", frozen=True):
    """A Batch of a sensor that follows, or the ``error`` that ended it; it is started again."""

    sensor: str
    batch: bytes | None = None
    error: str = ""


ToChild = Begin | Ask | Tell | Follow
FromChild = Ready | Answer | Told

_encoder = msgspec.msgpack.Encoder()
_to_child = msgspec.msgpack.Decoder(ToChild)
_from_child = msgspec.msgpack.Decoder(FromChild)


def frame(message: Any) -> bytes:
    body = _encoder.encode(message)
    return HEADER.pack(len(body)) + body


def encode(reading: Any) -> bytes:
    return _encoder.encode(reading)


def decode_to_child(body: bytes) -> ToChild:
    message: ToChild = _to_child.decode(body)
    return message


def decode_from_child(body: bytes) -> FromChild:
    message: FromChild = _from_child.decode(body)
    return message

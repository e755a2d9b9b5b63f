"""Frames on the link: one MessagePack-encoded message a WebSocket binary frame.

The agent speaks first (Hello); the controller answers Welcome, or Refused and closes. Durable messages travel in a
Spooled envelope with a sequence number and are repeated until acknowledged; heartbeats and progress are not, the
next one replaces them.
"""

from enum import StrEnum
from typing import Annotated, Any

import msgspec

from wire.attempts import PartStatus
from wire.conditions import Condition
from wire.events import FaultEvent
from wire.names import NodeName, Timestamp
from wire.orders import Order, Outcome
from wire.peers import PeerReport, Peers
from wire.version import Version

MAX_FRAME_BYTES = 4 * 1024 * 1024


class Accelerator(msgspec.Struct, frozen=True):
    """One that work can be placed on. ``kind`` is its model; ``memory_bytes`` is 0 when its node can't tell."""

    uuid: str
    kind: str = ""
    memory_bytes: Annotated[int, msgspec.Meta(ge=0)] = 0


class Hello(msgspec.Struct, tag="hello", frozen=True):
    """``instance`` is new at every start of the agent; ``boot_id`` at every boot of the machine. ``accelerators`` null:
    they have not been looked at yet, or there never were any."""

    version: Version
    node: NodeName
    agent_version: str
    instance: str
    boot_id: str
    address: str  # where peers reach this node's ranks
    highest_epoch: int
    cpus: int = 0
    memory_bytes: int = 0
    accelerators: list[Accelerator] | None = None  # None: not known yet
    parts: list[PartStatus] = []  # every attempt this node still holds state of
    conditions: list[Condition] = []
    held: bool = False  # hold file present


class Heartbeat(msgspec.Struct, tag="heartbeat", frozen=True):
    sent_at: Timestamp
    parts: list[PartStatus] = []  # those not ENDED: progress rides on the heartbeat
    held: bool = False
    peers: PeerReport | None = None  # what this node found of its peers, when that is news


class AcceleratorsChanged(msgspec.Struct, tag="accelerators", frozen=True):
    """What this node can compute with now."""

    accelerators: list[Accelerator]


class ConditionChanges(msgspec.Struct, tag="conditions", frozen=True):
    conditions: list[Condition]


class FaultEvents(msgspec.Struct, tag="faults", frozen=True):
    events: list[FaultEvent]


class PartChange(msgspec.Struct, tag="part", frozen=True):
    """A part changed state, completed a checkpoint or had a rank fail: sent at once, and spooled."""

    part: PartStatus


class Reply(msgspec.Struct, tag="reply", frozen=True):
    id: int
    data: bytes = b""
    error: str = ""


Durable = ConditionChanges | FaultEvents | AcceleratorsChanged | PartChange | Outcome


class Spooled(msgspec.Struct, tag="spooled", frozen=True):
    seq: int  # grows by one, for ever, on this node
    body: Durable


class Welcome(msgspec.Struct, tag="welcome", frozen=True):
    version: Version
    epoch: int
    heartbeat_s: float


class RefusalReason(StrEnum):
    OTHER_MAJOR_VERSION = "other_major_version"
    UNKNOWN_NODE = "unknown_node"
    CERTIFICATE_SUPERSEDED = "certificate_superseded"
    MALFORMED = "malformed"


class Refused(msgspec.Struct, tag="refused", frozen=True):
    reason: RefusalReason
    message: str


class Ack(msgspec.Struct, tag="ack", frozen=True):
    seq: int  # everything up to and including it is recorded


class ReadLog(msgspec.Struct, tag="read_log", frozen=True):
    """A question, not an action: answered by Reply with the last ``max_bytes`` bytes of that part's log."""

    id: int
    job: str
    attempt: int
    max_bytes: int


FromAgent = Hello | Heartbeat | Spooled | Reply
FromController = Welcome | Refused | Order | Ack | ReadLog | Peers

_encoder = msgspec.msgpack.Encoder()
_from_agent = msgspec.msgpack.Decoder(FromAgent)
_from_controller = msgspec.msgpack.Decoder(FromController)


class MalformedFrame(ValueError):
    """The frame is not a message; str() says where and why in one line."""


class UnknownMessage(ValueError):
    """A well-formed message of a kind this version does not know: skipped, a newer peer may send it."""


def encode(message: FromAgent | FromController | Durable) -> bytes:
    return _encoder.encode(message)


def decode_from_agent(frame: bytes | str) -> FromAgent:
    message: FromAgent = _decode(_from_agent, frame)
    return message


def decode_from_controller(frame: bytes | str) -> FromController:
    message: FromController = _decode(_from_controller, frame)
    return message


def _decode(decoder: msgspec.msgpack.Decoder[Any], frame: bytes | str) -> Any:
    if isinstance(frame, str):
        raise MalformedFrame("a text frame; messages are binary MessagePack")
    try:
        return decoder.decode(frame)
    except msgspec.ValidationError as error:
        if str(error).startswith("Invalid value") and str(error).endswith(".type`"):
            raise UnknownMessage(str(error)) from None
        raise MalformedFrame(str(error)) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise MalformedFrame(f"not MessagePack: {error}") from None


class _Keyed(msgspec.Struct):
    key: str


def order_key(frame: bytes) -> str | None:
    """The key of an order whose kind this version does not know, so that it can be refused by name."""
    try:
        return msgspec.msgpack.decode(frame, type=_Keyed).key
    except msgspec.MsgspecError:
        return None

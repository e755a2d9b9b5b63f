"""The first word on a link: who is there, and do we understand each other?"""

import msgspec

from controller.trust import PeerIdentity
from wire.messages import Hello, MalformedFrame, RefusalReason, Refused, UnknownMessage, decode_from_agent
from wire.version import Version, compatible


class _Versioned(msgspec.Struct):
    """The one field of a hello that every version must be able to read."""

    version: Version


def greet(frame: bytes | str, peer: PeerIdentity) -> Hello | Refused:
    """Judge an agent's first frame. The version comes first: another major version may mean all else differently."""
    if (other := _other_major_version(frame)) is not None:
        return Refused(RefusalReason.OTHER_MAJOR_VERSION, _speak_differently(other))
    try:
        message = decode_from_agent(frame)
    except (MalformedFrame, UnknownMessage) as error:
        return malformed(f"first message: {error}")
    if not isinstance(message, Hello):
        return malformed(f"first message: expected hello, got {type(message).__name__}")
    if message.node != peer.node:
        wrong = f"node: the hello says {message.node!r}, the certificate is of {peer.node!r}"
        return Refused(RefusalReason.UNKNOWN_NODE, f"{wrong}; mend the agent's name, or join under the new one")
    return message


def malformed(what: str) -> Refused:
    return Refused(RefusalReason.MALFORMED, " ".join(what.split()))


def _other_major_version(frame: bytes | str) -> Version | None:
    try:
        version = msgspec.msgpack.decode(frame, type=_Versioned).version if isinstance(frame, bytes) else Version()
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    return None if compatible(version) else version


def _speak_differently(other: Version) -> str:
    own = Version()
    older = "agent" if other.major < own.major else "controller"
    return f"version: the agent speaks protocol {other}, this controller {own}; upgrade the {older}"

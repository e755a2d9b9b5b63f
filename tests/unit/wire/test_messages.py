"""Frames: what a newer peer may send is told from what is broken."""

from datetime import UTC, datetime

import msgspec
import pytest

from wire.messages import (
    Heartbeat,
    Hello,
    MalformedFrame,
    UnknownMessage,
    decode_from_agent,
    decode_from_controller,
    encode,
    order_key,
)
from wire.version import Version, compatible

HELLO = Hello(Version(), "n1", "1", "i", "b", "10.0.0.1", 0)


def packed(**fields):
    return msgspec.msgpack.encode(fields)


@pytest.mark.parametrize("message", [HELLO, Heartbeat(datetime(2026, 1, 1, tzinfo=UTC))])
def test_a_message_survives_the_wire(message):
    assert decode_from_agent(encode(message)) == message


def test_a_field_of_a_newer_minor_version_is_passed_over():
    frame = packed(**msgspec.to_builtins(HELLO), colour="blue")
    assert decode_from_agent(frame) == HELLO


@pytest.mark.parametrize(
    ("frame", "error", "says"),
    [
        (packed(type="weather"), UnknownMessage, "weather"),
        (packed(type="spooled", seq=1, body={"type": "weather"}), UnknownMessage, "weather"),
        (packed(type="hello"), MalformedFrame, "version"),
        (msgspec.msgpack.encode(3), MalformedFrame, "Expected"),
        (b"\xc1", MalformedFrame, "not MessagePack"),
        (b"", MalformedFrame, "not MessagePack"),
        ("text", MalformedFrame, "text frame"),
        (packed(**{**msgspec.to_builtins(HELLO), "node": "../etc"}), MalformedFrame, "node"),
    ],
)
def test_a_frame_that_is_no_message_gets_one_line(frame, error, says):
    with pytest.raises(error, match=says) as raised:
        decode_from_agent(frame)
    assert "\n" not in str(raised.value)


def test_an_order_of_an_unknown_kind_can_be_refused_by_its_key():
    frame = packed(type="order", key="k1", epoch=1, decision=1, kind={"type": "dance"})
    with pytest.raises(UnknownMessage):
        decode_from_controller(frame)
    assert order_key(frame) == "k1"


@pytest.mark.parametrize(("peer", "served"), [(Version(1, 0), True), (Version(1, 9), True), (Version(2, 0), False)])
def test_another_minor_version_is_served_another_major_refused(peer, served):
    assert compatible(peer, Version(1, 0)) is served


def test_a_name_does_not_end_in_a_line_feed():
    with pytest.raises(MalformedFrame, match="node"):
        decode_from_agent(packed(**{**msgspec.to_builtins(HELLO), "node": "n1\n"}))

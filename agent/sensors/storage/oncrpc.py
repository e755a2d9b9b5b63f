"""Calls of ONC RPC (RFC 5531) over TCP, without credentials."""

import os
import socket
import struct

from agent.sensors.storage.failures import Denied

CALL, REPLY, RPC_VERSION = 0, 1, 2
ACCEPTED = 0
NULL_CREDENTIALS = struct.pack(">IIII", 0, 0, 0, 0)  # AUTH_NONE, and so the verifier
LAST = 0x8000_0000  # of a record's fragments
MOST_BYTES = 2**20
PROGRAM_UNAVAILABLE, VERSION_MISMATCH = 1, 2


class Broken(ConnectionError):
    """What came is no answer of this protocol."""


class VersionUnknown(Broken):
    """The program is there, but not in this version."""


class Reader:
    """What a reply has, in the order in which it comes (XDR, RFC 4506)."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    def number(self) -> int:
        return int(struct.unpack(">I", self._take(4))[0])

    def text(self) -> str:
        length = self.number()
        return self._take(length + -length % 4)[:length].decode("utf-8", "replace")

    def rest(self) -> bytes:
        return self._data[self._at :]

    def _take(self, count: int) -> bytes:
        taken = self._data[self._at : self._at + count]
        if len(taken) < count:
            raise Broken("the reply is cut short")
        self._at += count
        return taken


def connect(host: str, port: int, timeout_s: float) -> socket.socket:
    return socket.create_connection((host, port), timeout_s)


def numbers(*values: int) -> bytes:
    return struct.pack(f">{len(values)}I", *values)


def call(connection: socket.socket, program: int, version: int, procedure: int, arguments: bytes = b"") -> bytes:
    """The result, as it came."""
    transaction = os.urandom(4)
    body = transaction + numbers(CALL, RPC_VERSION, program, version, procedure) + NULL_CREDENTIALS + arguments
    connection.sendall(numbers(LAST | len(body)) + body)
    reply = _record(connection)
    if reply[:4] != transaction:
        raise Broken("a reply to another call")
    return _result(Reader(reply[4:]))


def _result(reader: Reader) -> bytes:
    if reader.number() != REPLY:
        raise Broken("no reply of ONC RPC")
    if reader.number() != ACCEPTED:
        raise Denied("the call was refused (ONC RPC: MSG_DENIED)")
    reader.number()  # the verifier's kind
    reader.text()
    status = reader.number()
    if status == VERSION_MISMATCH:
        raise VersionUnknown(f"it has versions {reader.number()} to {reader.number()}")
    if status:
        raise Broken("the program is not there" if status == PROGRAM_UNAVAILABLE else f"ONC RPC: status {status}")
    return reader.rest()


def _record(connection: socket.socket) -> bytes:
    """Fragments, put together."""
    record, last = b"", 0
    while not last:
        (head,) = struct.unpack(">I", _exactly(connection, 4))
        last, length = head & LAST, head & ~LAST
        if len(record) + length > MOST_BYTES:
            raise Broken("the reply is too long")
        record += _exactly(connection, length)
    return record


def _exactly(connection: socket.socket, count: int) -> bytes:
    got = b""
    while len(got) < count:
        piece = connection.recv(count - len(got))
        if not piece:
            raise Broken("the connection was closed before the reply")
        got += piece
    return got

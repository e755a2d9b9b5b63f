"""A member of a MongoDB replica set, as far as a probe looks: hello, ping, serverStatus, replSetGetStatus.

MongoDB's server is in neither Debian nor PyPI. This speaks its wire protocol (OP_MSG, and OP_QUERY for the first hello)
to the real pymongo; https://www.mongodb.com/docs/manual/reference/mongodb-wire-protocol/
"""

import socketserver
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import bson

OP_REPLY, OP_QUERY, OP_MSG = 1, 2004, 2013
NOW = datetime(2026, 1, 1, tzinfo=UTC)
UNAUTHORIZED = {"ok": 0.0, "code": 13, "codeName": "Unauthorized", "errmsg": "not authorized on admin"}


class Member(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, *, primary: bool, behind_s: float = 0.0, guarded: bool = False) -> None:
        super().__init__(("127.0.0.62", 0), _Connection)
        self.primary, self.behind_s, self.guarded = primary, behind_s, guarded
        self.port = int(self.server_address[1])

    def answer(self, command: str) -> dict[str, Any]:
        answers = {
            "hello": self._hello,
            "ismaster": self._hello,
            "ping": dict,
            "serverStatus": lambda: {"version": "8.0.4", "connections": {"current": 12, "available": 88}},
            "replSetGetStatus": self._replicas,
        }
        if command not in answers:
            return {"ok": 0.0, "code": 59, "errmsg": f"no such command: {command}"}
        if self.guarded and command in ("serverStatus", "replSetGetStatus"):
            return UNAUTHORIZED
        return {**answers[command](), "ok": 1.0}

    def _hello(self) -> dict[str, Any]:
        role = {"isWritablePrimary": self.primary, "ismaster": self.primary, "secondary": not self.primary}
        name = f"127.0.0.62:{self.port}"
        sizes = {"maxBsonObjectSize": 2**24, "maxMessageSizeBytes": 48_000_000, "maxWriteBatchSize": 100_000}
        versions = {"minWireVersion": 0, "maxWireVersion": 25, "helloOk": True, "readOnly": False}
        return {**role, **sizes, **versions, "setName": "rs0", "hosts": [name], "me": name}

    def _replicas(self) -> dict[str, Any]:
        own = {"self": True, "state": 1 if self.primary else 2, "optimeDate": NOW - timedelta(seconds=self.behind_s)}
        return {"set": "rs0", "members": [{"state": 2 if self.primary else 1, "optimeDate": NOW}, own]}


class _Connection(socketserver.BaseRequestHandler):
    server: Member

    def handle(self) -> None:
        while head := self._take(16):
            length, request, _, code = struct.unpack("<iiii", head)
            body = self._take(length - 16)
            if code == OP_MSG:
                document = bson.decode(body[5:])
                self._send(request, OP_MSG, b"\0\0\0\0\0" + self._reply(document))
            elif code == OP_QUERY:
                end = body.index(b"\0", 4)
                document = bson.decode(body[end + 9 :])
                self._send(request, OP_REPLY, struct.pack("<iqii", 8, 0, 0, 1) + self._reply(document))

    def _reply(self, document: dict[str, Any]) -> bytes:
        command = next(iter(document))
        return bson.encode(self.server.answer("hello" if command.lower() in ("hello", "ismaster") else command))

    def _send(self, request: int, code: int, body: bytes) -> None:
        self.request.sendall(struct.pack("<iiii", 16 + len(body), 1, request, code) + body)

    def _take(self, count: int) -> bytes:
        taken = b""
        while len(taken) < count:
            piece = self.request.recv(count - len(taken))
            if not piece:
                return b""
            taken += piece
        return taken


@contextmanager
def mongo_member(*, primary: bool, behind_s: float = 0.0, guarded: bool = False) -> Iterator[Member]:
    with Member(primary=primary, behind_s=behind_s, guarded=guarded) as member:
        thread = threading.Thread(target=member.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        yield member
        member.shutdown()
        thread.join()

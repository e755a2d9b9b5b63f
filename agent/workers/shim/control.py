"""The shim's socket: one JSON object a line, ``{"v": [1, 0], "op": ...}``.

    status              answered with one line: where the part stands
    watch               the same, and again at each change, until the shim ends
    stop, grace_s       SIGTERM now, SIGKILL after the grace; answered like status

Another major version, or what is no request, is answered ``{"v": [1, 0], "error": "..."}``.
"""

import contextlib
import json
import os
import socket
import struct
from collections.abc import Callable
from typing import Any

from agent.workers.shim.loop import Loop
from agent.workers.shim.records import PROTOCOL, SOCKET

LINE_LIMIT = 64 * 1024
GRACE_LIMIT_S = 86_400.0


class Control:
    """``standing`` gives the line's fields, ``stop`` takes the grace in seconds."""

    def __init__(self, loop: Loop, standing: Callable[[], dict[str, Any]], stop: Callable[[float], None]) -> None:
        self._loop = loop
        self._standing = standing
        self._stop = stop
        self._buffers: dict[socket.socket, bytes] = {}
        self._watchers: set[socket.socket] = set()
        self._server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)

    def listen(self) -> None:
        """In the working directory: its full path may be longer than a socket's name can be (108 bytes)."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(SOCKET)
        former = os.umask(0o177)
        try:
            self._server.bind(SOCKET)
        finally:
            os.umask(former)
        self._server.setblocking(False)
        self._server.listen(16)
        self._loop.add(self._server.fileno(), self._accept)

    def publish(self) -> None:
        """Tells the watchers where the part stands now."""
        for watcher in list(self._watchers):
            self._say(watcher, self._standing())

    def close(self) -> None:
        for client in list(self._buffers):
            self._drop(client)
        self._server.close()

    def _accept(self) -> None:
        try:
            client, _ = self._server.accept()
        except OSError:
            return
        client.setblocking(False)
        if _user_of(client) not in (0, os.geteuid()):
            client.close()
            return
        self._buffers[client] = b""
        self._loop.add(client.fileno(), lambda: self._read(client))

    def _read(self, client: socket.socket) -> None:
        try:
            data = client.recv(LINE_LIMIT)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        *lines, rest = (self._buffers[client] + data).split(b"\n")
        if not data or len(rest) > LINE_LIMIT:
            self._drop(client)
            return
        self._buffers[client] = rest
        for line in lines:
            self._answer(client, line)

    def _answer(self, client: socket.socket, line: bytes) -> None:
        try:
            request = json.loads(line)
            major = request["v"][0]
            operation = request["op"]
        except (ValueError, TypeError, KeyError, IndexError, RecursionError):
            self._say(client, {"error": 'not a request: {"v": [1, 0], "op": "status"} is one'})
            return
        if major != PROTOCOL[0]:
            self._say(client, {"error": f"this shim speaks protocol {PROTOCOL[0]}, not {major}"})
        else:
            self._carry_out(client, operation, request)

    def _carry_out(self, client: socket.socket, operation: Any, request: dict[str, Any]) -> None:
        if operation == "watch":
            self._watchers.add(client)
        elif operation == "stop":
            grace_s = request.get("grace_s")
            if not isinstance(grace_s, int | float) or not 0 <= grace_s <= GRACE_LIMIT_S:
                self._say(client, {"error": f"grace_s: a number of seconds from 0 to {GRACE_LIMIT_S:.0f}"})
                return
            self._stop(float(grace_s))
        elif operation != "status":
            self._say(client, {"error": f"unknown op {operation!r}: status, watch or stop"})
            return
        self._say(client, self._standing())

    def _say(self, client: socket.socket, body: dict[str, Any]) -> None:
        """A client that does not take its line is dropped: it can come back and ask."""
        if client not in self._buffers:
            return
        try:
            client.sendall(json.dumps({"v": PROTOCOL, **body}).encode() + b"\n")
        except OSError:
            self._drop(client)

    def _drop(self, client: socket.socket) -> None:
        self._buffers.pop(client, None)
        self._watchers.discard(client)
        self._loop.remove(client.fileno())
        client.close()


def _user_of(client: socket.socket) -> int:
    credentials = client.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    uid: int = struct.unpack("3i", credentials)[1]
    return uid

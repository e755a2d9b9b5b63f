"""Small UDP echoes between the nodes of a fleet: the packet, who answers, who asks.

A packet is 32 bytes: what it is, a number used once, and a mark that only holders of the fleet's key can make. The
answer is as long as the question, so that nobody can be made to send more than came; what is not marked gets none, and
no more than RATE a second are given. The key is no secret worth much: it opens nothing but an echo.
"""

import contextlib
import os
import select
import socket
import struct
import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

PACKET = struct.Struct("!4s12s16s")
ASK, ANSWER = b"MSe?", b"MSe!"
NONCE_BYTES, MARK_BYTES = 12, 16
RATE, BURST = 500.0, 1000.0  # a second: a node is asked some ten times a second
SPACING_S = 0.02

Address = tuple[Any, ...]


def packet(kind: bytes, nonce: bytes, key: bytes) -> bytes:
    return PACKET.pack(kind, nonce, _mark(kind, nonce, key))


def opened(data: bytes, kind: bytes, keys: Sequence[bytes]) -> tuple[bytes, bytes] | None:
    """The nonce, and the key it is marked with; None for whatever is not ours."""
    import hmac

    if len(data) != PACKET.size or not data.startswith(kind):
        return None
    _, nonce, mark = PACKET.unpack(data)
    key = next((key for key in keys if hmac.compare_digest(mark, _mark(kind, nonce, key))), None)
    return None if key is None else (nonce, key)


def _mark(kind: bytes, nonce: bytes, key: bytes) -> bytes:
    import hashlib

    return hashlib.blake2b(kind + nonce, key=key, digest_size=MARK_BYTES).digest()


class Bucket:
    """Lets ``rate`` a second pass, and ``burst`` at once."""

    def __init__(self, rate: float, burst: float, now: float) -> None:
        self._rate, self._burst, self._left, self._at = rate, burst, burst, now

    def take(self, now: float) -> bool:
        self._left = min(self._burst, self._left + (now - self._at) * self._rate)
        self._at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True


class Responder:
    """Answers on ``address`` and ``port`` (0: any that is free) until it is closed. Raises OSError where it can't."""

    def __init__(self, address: str, port: int) -> None:
        self.keys: tuple[bytes, ...] = ()
        self._socket = _bound(address, port)
        self.port: int = self._socket.getsockname()[1]
        threading.Thread(target=self._run, name="echo", daemon=True).start()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)  # else who waits in recvfrom goes on waiting
        self._socket.close()

    def _run(self) -> None:
        bucket = Bucket(RATE, BURST, time.monotonic())
        while True:
            try:
                data, asker = self._socket.recvfrom(PACKET.size + 1)
            except OSError:
                if self._socket.fileno() < 0:
                    return
                continue
            found = opened(data, ASK, self.keys)
            if found is not None and bucket.take(time.monotonic()):
                self._answer(packet(ANSWER, *found), asker)

    def _answer(self, data: bytes, asker: Address) -> None:
        try:
            self._socket.sendto(data, asker)
        except OSError:
            return  # it asks again


class Asked(msgspec.Struct, frozen=True):
    """How many echoes were asked of one peer, and how long those took that came back (seconds)."""

    asked: int
    took: list[float]

    @property
    def median_s(self) -> float | None:
        import statistics

        return statistics.median(self.took) if self.took else None


def ask(peers: Mapping[str, tuple[str, int]], key: bytes, echoes: int, timeout_s: float) -> dict[str, Asked]:
    """``echoes`` to each peer, one after another, and ``timeout_s`` for the last to come back. A peer whose address
    nobody knows is left out."""
    places = {name: place for name, where in peers.items() if (place := _place(*where)) is not None}
    round_ = _Round(key)
    try:
        for _ in range(echoes):
            for name, (family, address) in places.items():
                round_.send(name, family, address)
            round_.listen(SPACING_S)
        round_.listen(timeout_s)
    finally:
        round_.close()
    return {name: Asked(round_.asked.get(name, 0), round_.took.get(name, [])) for name in places}


class _Round:
    def __init__(self, key: bytes) -> None:
        self._key = key
        self._sockets: dict[int, socket.socket] = {}
        self._open: dict[bytes, tuple[str, float]] = {}
        self.asked: dict[str, int] = {}
        self.took: dict[str, list[float]] = {}

    def send(self, name: str, family: int, address: Address) -> None:
        self.asked[name] = self.asked.get(name, 0) + 1
        nonce = os.urandom(NONCE_BYTES)
        self._open[nonce] = name, time.perf_counter()
        try:
            self._socket(family).sendto(packet(ASK, nonce, self._key), address)
        except OSError:
            return  # no route: it is lost, and counted so

    def listen(self, seconds: float) -> None:
        """For so long, or until all have come back."""
        until = time.perf_counter() + seconds
        while self._open and (left := until - time.perf_counter()) > 0:
            for ready in select.select(list(self._sockets.values()), (), (), left)[0]:
                self._take(ready)

    def close(self) -> None:
        for each in self._sockets.values():
            each.close()

    def _take(self, ready: socket.socket) -> None:
        try:
            data = ready.recv(PACKET.size + 1)
        except OSError:
            return
        now, found = time.perf_counter(), opened(data, ANSWER, [self._key])
        asked = None if found is None else self._open.pop(found[0], None)
        if asked is not None:
            self.took.setdefault(asked[0], []).append(now - asked[1])

    def _socket(self, family: int) -> socket.socket:
        if family not in self._sockets:
            self._sockets[family] = socket.socket(family, socket.SOCK_DGRAM)
            self._sockets[family].setblocking(False)
        return self._sockets[family]


def _bound(address: str, port: int) -> socket.socket:
    """Of no address: on all that this machine has. Raises OSError."""
    try:
        found = socket.getaddrinfo(address or None, port, type=socket.SOCK_DGRAM, flags=socket.AI_PASSIVE)
    except UnicodeError as error:
        raise OSError(f"{address}: {error}") from None
    family, *_, target = found[0]
    bound = socket.socket(family, socket.SOCK_DGRAM)
    try:
        bound.bind(target)
    except OSError:
        bound.close()
        raise
    return bound


def _place(address: str, port: int) -> tuple[int, Address] | None:
    try:
        family, *_, target = socket.getaddrinfo(address, port, type=socket.SOCK_DGRAM)[0]
    except (OSError, UnicodeError):
        return None
    return family, target

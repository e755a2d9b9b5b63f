"""The server's side of the few calls of ONC RPC that a probe makes: NFS's NULL, rpcbind's GETPORT, mountd's EXPORT."""

import socketserver
import struct
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

NFS, MOUNTD, RPCBIND = 100_003, 100_005, 100_000
LAST = 0x8000_0000


class NfsServer(socketserver.ThreadingTCPServer):
    """All three programs on one port."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, versions: Sequence[int], exports: Sequence[str]) -> None:
        super().__init__(("127.0.0.63", 0), _Connection)
        self.versions, self.exports = versions, exports
        self.port = int(self.server_address[1])

    def reply(self, call: bytes) -> bytes:
        transaction, _, _, program, version, procedure = struct.unpack(">4s5I", call[:24])
        status, result = self._result(program, version, procedure)
        return transaction + struct.pack(">5I", 1, 0, 0, 0, status) + result

    def _result(self, program: int, version: int, procedure: int) -> tuple[int, bytes]:
        if program == NFS and procedure == 0:
            if version in self.versions:
                return 0, b""
            return 2, struct.pack(">2I", min(self.versions), max(self.versions))
        if program == RPCBIND and procedure == 3:
            return 0, struct.pack(">I", self.port)
        if program == MOUNTD and procedure == 5:
            return 0, b"".join(struct.pack(">I", 1) + text(path) + hosts() for path in self.exports) + struct.pack(
                ">I", 0
            )
        return 1, b""


def text(value: str) -> bytes:
    data = value.encode()
    return struct.pack(">I", len(data)) + data + bytes(-len(data) % 4)


def hosts() -> bytes:
    return struct.pack(">I", 1) + text("*") + struct.pack(">I", 0)


class _Connection(socketserver.StreamRequestHandler):
    server: NfsServer

    def handle(self) -> None:
        while head := self.rfile.read(4):
            (mark,) = struct.unpack(">I", head)
            reply = self.server.reply(self.rfile.read(mark & ~LAST))
            half = len(reply) // 2  # in two fragments, as a server may
            self.wfile.write(struct.pack(">I", half) + reply[:half])
            self.wfile.write(struct.pack(">I", LAST | len(reply) - half) + reply[half:])


@contextmanager
def nfs_server(versions: Sequence[int] = (3, 4), exports: Sequence[str] = ()) -> Iterator[NfsServer]:
    with NfsServer(versions, exports) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()

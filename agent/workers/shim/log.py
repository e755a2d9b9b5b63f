"""The workers' log: bounded, rotating, and never in the workers' way."""

import contextlib
import os

TAIL_BYTES = 64 * 1024


class RotatingLog:
    """``NAME``, ``NAME.1`` ... ``NAME.(files-1)``, the newest first, each of at most ``max_bytes``.

    Never raises: what cannot be written (a full disk) is dropped, and the tail is kept in memory all the same.
    """

    def __init__(self, path: str, max_bytes: int, files: int) -> None:
        self._path = path
        self._max_bytes = max_bytes
        self._files = files
        self._fd: int | None = None
        self._size = 0
        self._tail = bytearray()

    def write(self, data: bytes) -> None:
        self._tail += data
        del self._tail[:-TAIL_BYTES]
        with contextlib.suppress(OSError):
            self._write(memoryview(data))

    def tail(self, max_bytes: int = TAIL_BYTES) -> str:
        return bytes(self._tail[-max_bytes:]).decode("utf-8", "replace")

    def close(self) -> None:
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def _write(self, data: memoryview) -> None:
        while data:
            if self._size >= self._max_bytes:
                self._rotate()
            if self._fd is None:
                self._open()
            written = os.write(self._fd or 0, data[: self._max_bytes - self._size])
            self._size += written
            data = data[written:]

    def _open(self) -> None:
        self._fd = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        self._size = os.fstat(self._fd).st_size

    def _rotate(self) -> None:
        self.close()
        for number in range(self._files - 1, 0, -1):
            newer = self._path if number == 1 else f"{self._path}.{number - 1}"
            with contextlib.suppress(FileNotFoundError):
                os.replace(newer, f"{self._path}.{number}")
        if self._files == 1:
            os.truncate(self._path, 0)
        self._size = 0

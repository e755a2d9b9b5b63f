"""Who asks, and what of the node is theirs."""

import os
import socket
import stat
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from agent.config import Config


class Denied(Exception):
    """str() is one line that names the mend."""


class Caller(msgspec.Struct, frozen=True):
    """The agent's user by the socket's own word, and the node's configuration."""

    uid: int
    gid: int
    config: Config

    @contextmanager
    def state_dir(self) -> Iterator[int]:
        """A descriptor of the state directory; Denied when it is not the caller's."""
        descriptor = open_directory(self.config.state_dir, None)
        try:
            if os.fstat(descriptor).st_uid != self.uid:
                raise Denied(f"state_dir {self.config.state_dir}: not the agent's; give it to the agent's user")
            yield descriptor
        finally:
            os.close(descriptor)

    @contextmanager
    def directory(self, *names: str) -> Iterator[int]:
        """A descriptor of a directory below the state directory; no link is followed on the way."""
        with self.state_dir() as top:
            descriptor = top
            for name in names:
                below = open_directory(name, descriptor)
                if descriptor != top:
                    os.close(descriptor)
                descriptor = below
            try:
                yield descriptor
            finally:
                if descriptor != top:
                    os.close(descriptor)


def open_directory(path: str, below: int | None) -> int:
    """Raises Denied when it is no directory, or a link."""
    try:
        return os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=below)
    except OSError as error:
        raise Denied(f"{path}: {error.strerror}; it must be a directory of the agent's state") from None


def peer(connection: int) -> tuple[int, int]:
    """User and group id of the process at the other end. Raises Denied when that is no Unix socket."""
    try:
        with socket.socket(fileno=os.dup(connection)) as end:
            credentials = end.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    except OSError:
        raise Denied("standard input is no Unix socket; systemd starts this through mainstay-helper.socket") from None
    _, uid, gid = struct.unpack("3i", credentials)
    return uid, gid


def require_roots_own(path: Path) -> None:
    """Raises Denied unless only root can change the file: it says what may run here, and as whom."""
    for place in (path, *path.parents):
        status = os.stat(place)
        writable = status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
        if status.st_uid != 0 or (writable and not status.st_mode & stat.S_ISVTX):
            raise Denied(f"{place}: others than root may change it; chown root and chmod go-w it")

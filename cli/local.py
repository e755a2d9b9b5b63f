"""Daemons as processes of this machine, without units: what `mainstay demo` and `mainstay up` both do."""

import os
import socket
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from cli.client import Client
from cli.errors import CliError
from wire.api import TokenKind, TokenRequest

LOOPBACK = "127.0.0.1"


def answers(connect: Callable[[], Client]) -> bool:
    """A controller is there and knows us."""
    try:
        with closing(connect()) as client:
            return bool(client.status().version)
    except (CliError, OSError):
        return False


def start_joining(client: Client, node: str, config: Path, token_file: Path) -> "subprocess.Popen[str]":
    """`mainstay-agent join` with a token of the node's own; ``config`` names the controller's API."""
    issued = client.create_token(TokenRequest(TokenKind.JOIN, node))
    write_private(token_file, f"{issued.token}\n")
    argv = [sys.executable, "-m", "agent.main", "join", "--config", str(config)]
    argv += ["--token-file", str(token_file), "--ca-fingerprint", issued.ca_fingerprint]
    return subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def last_line(log: Path) -> str:
    return log.read_text(errors="replace").strip().rpartition("\n")[2] if log.exists() else ""


def free_ports(count: int) -> list[int]:
    sockets = [socket.create_server((LOOPBACK, 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def write_private(path: Path, text: str) -> None:
    """Replaces it; never readable by others."""
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)

"""A server as the node's configuration names it."""

import os
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, TypeVar

import msgspec

from agent.sensors import Cadence, Seconds
from agent.sensors.storage.reading import Role
from wire.names import END, AbsolutePath, form

Name = Annotated[str, form(r"^[A-Za-z0-9._-]+" + END, "a short name"), msgspec.Meta(max_length=64)]
Port = Annotated[int, msgspec.Meta(ge=1, le=65_535)]
Host = Annotated[str, msgspec.Meta(min_length=1, max_length=255)]
SERVERS = 32  # of one service; more belong to the service's own monitoring
SPARE_S = 1.0  # between the last server's deadline and the sensor's own

T = TypeVar("T")
Servers = Annotated[tuple[T, ...], msgspec.Meta(max_length=SERVERS)]


class ConfigurationWrong(Exception):
    """A probe can't be made as it is configured."""


class Target(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``name`` is what conditions call it. Without an answer ``within_s`` seconds it is down."""

    name: Name
    within_s: Seconds = 5.0


class Login(Target, frozen=True, kw_only=True):
    """``user`` at ``host`` and ``port``. ``password_file`` has nothing but the password, and may be read by the agent's
    user and not by all. With ``tls`` the server must prove itself: to a CA of ``ca_file``, or of the system where that
    is not set. ``wanted``: the role it must have, ``primary`` or ``replica``; ``unknown`` takes either."""

    host: Host
    user: str = ""
    password_file: AbsolutePath | None = None
    tls: bool = False
    ca_file: AbsolutePath | None = None
    wanted: Role = Role.UNKNOWN


class ProbeOptions(Cadence, frozen=True):
    """``servers`` are asked all at once; one that hangs holds up no other. Without any there is no probe."""

    every_s: Seconds = 30.0
    deadline_s: Seconds = 15.0


def checked(servers: Sequence[Target], deadline_s: float) -> None:
    """Raises ValueError with the mend."""
    names = [server.name for server in servers]
    if twice := {name for name in names if names.count(name) > 1}:
        raise ValueError(f"two servers are named {', '.join(sorted(twice))}: give each a name of its own")
    for server in servers:
        if server.within_s + SPARE_S > deadline_s:
            raise ValueError(
                f"{server.name}: within_s must be at least {SPARE_S:g} s below deadline_s ({deadline_s:g})"
            )


def password(file: str | None) -> str:
    """Raises ConfigurationWrong with the mend."""
    if file is None:
        return ""
    try:
        mode = os.stat(file).st_mode
        text = Path(file).read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationWrong(f"password_file {file}: {error}") from None
    if mode & stat.S_IROTH:
        raise ConfigurationWrong(f"password_file {file} may be read by everybody: chmod o= {file}")
    return text

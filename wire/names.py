"""Names that become paths, certificate subjects and SQL keys, addresses, and points in time; constrained once, here."""

import ipaddress
from datetime import datetime
from typing import Annotated

import msgspec

END = r"$(?!\n)"  # of the whole text: $ alone lets a line feed follow

API_PORT, LINK_PORT = 7400, 7401  # of an installation, unless its configuration says otherwise

FORMS: dict[str, str] = {}  # a pattern, as msgspec quotes it in an error: what it asks for, in words


def form(pattern: str, words: str) -> msgspec.Meta:
    """A pattern that explains itself, in documents and in errors."""
    FORMS[repr(pattern)] = words
    return msgspec.Meta(pattern=pattern, description=words)


Timestamp = Annotated[datetime, msgspec.Meta(tz=True)]  # one without its zone is refused, not guessed at
NodeName = Annotated[
    str, form(r"^[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?" + END, "a name of small letters, digits, dots and hyphens")
]
JobName = Annotated[
    str,
    form(
        r"^[a-z]([a-z0-9-]{0,38}[a-z0-9])?" + END,
        "small letters, digits and hyphens, beginning with a letter, at most 40",
    ),
]
JobId = Annotated[str, form(r"^[a-z][a-z0-9-]{0,38}-[0-9]{1,9}" + END, "a job's name and number, such as lm-1")]
UserName = Annotated[str, form(r"^[a-z_][a-z0-9_-]{0,31}" + END, "a Unix user's name")]
HOST_PORT = r"(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+):[0-9]{1,5}"  # to be part of a longer pattern too
HostPort = Annotated[str, form("^" + HOST_PORT + END, "HOST:PORT")]
AbsolutePath = Annotated[str, form(r"^/[^\x00]*" + END, "an absolute path"), msgspec.Meta(max_length=4096)]


def attempt_id(job: str, number: int) -> str:
    """How an attempt is written everywhere: in paths, logs and on screens (``bytes-lm-1.2``)."""
    return f"{job}.{number}"


def split_host_port(text: HostPort) -> tuple[str, int]:
    """HOST:PORT or [IPV6]:PORT; the host comes without its brackets. Raises ValueError for anything else."""
    host, _, port = text.rpartition(":")
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    if not bare or (":" in bare and bare == host) or not port.isascii() or not port.isdigit():
        raise ValueError(f"{text!r} is not HOST:PORT")
    return bare, int(port)


def join_host_port(host: str, port: int) -> HostPort:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def is_wildcard(host: str) -> bool:
    """It stands for every address of the machine, so nobody can connect to it by this name."""
    try:
        return ipaddress.ip_address(host).is_unspecified
    except ValueError:
        return False

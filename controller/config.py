"""The controller's configuration: one TOML file; every field has a default, an unknown one is refused."""

import re
from pathlib import Path
from typing import Annotated

import msgspec

from controller.errors import Invalid
from wire.api import Mode
from wire.names import (
    API_PORT,
    END,
    LINK_PORT,
    AbsolutePath,
    UserName,
    form,
    is_wildcard,
    join_host_port,
    split_host_port,
)
from wire.validation import describe

DEFAULT_PATH = Path("/etc/mainstay/controller.toml")

Seconds = Annotated[float, msgspec.Meta(gt=0, le=86_400)]
Share = Annotated[float, msgspec.Meta(gt=0, le=1)]
Count = Annotated[int, msgspec.Meta(ge=1)]
DnsName = Annotated[str, form(r"^[A-Za-z0-9:]([A-Za-z0-9.:-]{0,251}[A-Za-z0-9])?" + END, "a DNS name or an IP address")]


class Timing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How long to wait for what, in seconds.

    A silent node is suspect after ``suspect_after_s`` and lost after ``lost_after_s``, unless evidence says otherwise.
    ``reconnect_grace_s`` is what agents get to come back after the controller's own start. ``launch_timeout_s`` is how
    long an attempt may take to start on all its nodes. ``worker_stopped_after_s`` is how long a worker may be in state
    T. ``steady_after_s`` is how long workers that report no step must have lived to count as running.
    ``order_lives_s`` is how old a launch may grow before it is refused. ``stop_grace_s`` is from SIGTERM to SIGKILL
    when an attempt is stopped to recover.
    """

    suspect_after_s: Seconds = 2.5
    lost_after_s: Seconds = 4.0
    reconnect_grace_s: Seconds = 6.0
    launch_timeout_s: Seconds = 120.0
    worker_stopped_after_s: Seconds = 2.0
    steady_after_s: Seconds = 10.0
    order_lives_s: Seconds = 30.0
    stop_grace_s: Annotated[float, msgspec.Meta(ge=0, le=86_400)] = 1.0

    def __post_init__(self) -> None:
        if self.suspect_after_s >= self.lost_after_s:
            raise ValueError("suspect_after_s must be less than lost_after_s")


class Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The breaker opens when at least ``breaker_min_nodes`` and more than ``breaker_share`` of the fleet were lost
    within one ``breaker_window_s``; it closes as they come back."""

    breaker_share: Share = 0.5
    breaker_min_nodes: Count = 3
    breaker_window_s: Seconds = 60.0


class Address(msgspec.Struct, frozen=True):
    host: str
    port: int

    def __str__(self) -> str:
        return join_host_port(self.host, self.port)

    @property
    def wildcard(self) -> bool:
        return is_wildcard(self.host)


def parse_address(text: str) -> Address:
    """HOST:PORT or [IPV6]:PORT; port 0 lets the system choose. Raises ValueError."""
    try:
        host, port = split_host_port(text)
    except ValueError as error:
        raise ValueError(f"listen: {error}, such as 127.0.0.1:{API_PORT} or [::1]:{API_PORT}") from None
    if port > 65535:
        raise ValueError(f"listen: port {port} is above 65535")
    return Address(host, port)


class ApiConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``listen`` is HOST:PORT for the command line, programs, and agents that join."""

    listen: str = f"127.0.0.1:{API_PORT}"

    def __post_init__(self) -> None:
        parse_address(self.listen)

    @property
    def address(self) -> Address:
        return parse_address(self.listen)


class LinkConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``listen`` is HOST:PORT for the agents' links. Agents send a heartbeat every ``heartbeat_s`` seconds."""

    listen: str = f"127.0.0.1:{LINK_PORT}"
    heartbeat_s: Annotated[float, msgspec.Meta(ge=0.05, le=60)] = 1.0

    def __post_init__(self) -> None:
        parse_address(self.listen)

    @property
    def address(self) -> Address:
        return parse_address(self.listen)


class AutomationConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``first_mode`` is the automation mode that a new database begins in: off, shadow, approve or auto. Afterwards
    `mainstay automation set` says it."""

    first_mode: Mode = Mode.SHADOW


class DiagnosticsConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Every idle node is measured once in ``every_h`` hours, together with a peer; 0: only when a person asks. At most
    ``at_once`` rounds at the same time, each ended after ``deadline_s`` seconds."""

    every_h: Annotated[float, msgspec.Meta(ge=0, le=8760)] = 168.0
    at_once: Count = 2
    deadline_s: Annotated[float, msgspec.Meta(gt=0, le=3600)] = 300.0


class PeersConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Nodes measure the way to each other: every ``every_s`` seconds each one begins with ``pairs`` others, so that
    after a while all have met all. 0 seconds: they don't. A round must be long enough for agents to look twice at least
    (``sensors.lan_peers.every_s``)."""

    every_s: Annotated[float, msgspec.Meta(ge=0, le=3600)] = 30.0
    pairs: Annotated[int, msgspec.Meta(ge=1, le=8)] = 3


class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``state_dir`` keeps the certificate authority, the first token and the database. ``database`` is an SQLAlchemy
    URL; empty means SQLite in the state directory.

    ``names`` are what agents and operators call this controller besides its listen addresses: DNS names or IP
    addresses that go into the server's certificate. ``admin_user`` is the Unix user that jobs submitted with the first
    token run as; without one that token may not submit.
    """

    state_dir: AbsolutePath = "/var/lib/mainstay/controller"
    database: str = ""
    names: list[DnsName] = []
    admin_user: UserName | None = None
    api: ApiConfig = ApiConfig()
    link: LinkConfig = LinkConfig()
    limits: Limits = Limits()
    timing: Timing = Timing()
    automation: AutomationConfig = AutomationConfig()
    diagnostics: DiagnosticsConfig = DiagnosticsConfig()
    peers: PeersConfig = PeersConfig()

    def __post_init__(self) -> None:
        if self.admin_user == "root":
            raise ValueError("admin_user: jobs never run as root; name another user")
        if self.link.address.wildcard and not self.names:
            raise ValueError("names: link.listen stands for every address; name what agents call this controller")
        if self.link.heartbeat_s >= self.timing.suspect_after_s:
            raise ValueError("link.heartbeat_s must be less than timing.suspect_after_s")

    @property
    def state(self) -> Path:
        return Path(self.state_dir)

    @property
    def database_url(self) -> str:
        return self.database or f"sqlite:///{self.state / 'controller.db'}"

    @property
    def database_shown(self) -> str:
        """Its URL without the password."""
        return re.sub(r"(://[^:/@]*):[^@]*@", r"\1:***@", self.database_url)

    @property
    def server_names(self) -> list[str]:
        """Every name and address the server's certificate answers to."""
        listening = [address.host for address in (self.api.address, self.link.address) if not address.wildcard]
        return sorted({"localhost", *listening, *self.names})


def load(path: Path) -> Config:
    """Read ``path``; a missing file at the default place means the defaults. Raises Invalid with one line."""
    try:
        text = path.read_bytes()
    except FileNotFoundError:
        if path == DEFAULT_PATH:
            return Config()
        raise Invalid(f"{path}: no such file; write it or name another with --config") from None
    except OSError as error:
        raise Invalid(f"{path}: cannot be read ({error.strerror}); mend its permissions") from None
    return parse(text, str(path))


def parse(text: bytes, source: str) -> Config:
    """``source`` is the file's name for messages. Raises Invalid with one line that names it and the field."""
    try:
        return msgspec.toml.decode(text, type=Config)
    except msgspec.ValidationError as error:
        raise Invalid(f"{source}: {describe(error)}") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Invalid(f"{source}: not TOML: {error}") from None

"""One shape for every storage service, so that one check judges them all."""

from enum import StrEnum

import msgspec


class Cause(StrEnum):
    """Why a server gave no answer."""

    NONE = ""
    REFUSED = "refused"  # nobody listens, or a firewall says no
    TIMEOUT = "timeout"
    UNREACHABLE = "unreachable"  # no such name, no route
    AUTHENTICATION = "authentication"
    TLS = "tls"
    PROTOCOL = "protocol"  # it answers, but not as it should
    NOT_THERE = "not_there"  # the bucket, the database, the export
    LIBRARY_MISSING = "library_missing"  # here, not there
    CONFIGURATION = "configuration"  # here, not there

    @property
    def ours(self) -> bool:
        """The probe could not ask: that says nothing of the server."""
        return self in (Cause.LIBRARY_MISSING, Cause.CONFIGURATION)


class Role(StrEnum):
    UNKNOWN = "unknown"
    PRIMARY = "primary"
    REPLICA = "replica"


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What a server told of itself. None is what this service does not have, or does not tell this user.

    ``lag_s`` is how far a replica is behind; ``replicating`` whether it hears from its primary at all. ``read_only``:
    it takes no writes, whatever its role. ``bytes_most`` is set only where a full service refuses writes. The last
    five are a NameNode's.
    """

    version: str = ""
    role: Role = Role.UNKNOWN
    read_only: bool | None = None
    lag_s: float | None = None
    replicating: bool | None = None
    connections: int | None = None
    connections_most: int | None = None
    bytes_used: int | None = None
    bytes_most: int | None = None
    nodes_live: int | None = None
    nodes_dead: int | None = None
    blocks_missing: int | None = None
    blocks_under_replicated: int | None = None
    safe_mode: bool | None = None


class Server(msgspec.Struct, frozen=True, kw_only=True):
    """``seconds`` is from the first packet to the last answer; while there is none, how long it has been waited for.
    ``wanted`` is the role it must have."""

    service: str
    name: str
    address: str = ""
    cause: Cause = Cause.NONE
    error: str = ""
    seconds: float = 0.0
    wanted: Role = Role.UNKNOWN
    facts: Facts = Facts()

    @property
    def component(self) -> str:
        """What conditions name it by."""
        return f"{self.service}/{self.name}"


class Reading(msgspec.Struct, frozen=True):
    servers: list[Server]

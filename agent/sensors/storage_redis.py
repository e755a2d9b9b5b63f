"""Redis and Valkey servers: whether they answer PING, and what INFO says of role, replication, clients and memory."""

from typing import Any

from agent.sensors import Host, Source
from agent.sensors.storage.asking import Watch
from agent.sensors.storage.families import families
from agent.sensors.storage.reading import Facts, Reading, Role
from agent.sensors.storage.targets import Login, Port, ProbeOptions, Servers, checked, password

__all__ = ["Options", "Reading", "attach", "metrics"]

metrics = families


class RedisServer(Login, frozen=True, kw_only=True):
    """``host`` may be the path of a Unix socket. Where there are ACLs ``user`` needs +ping +info."""

    port: Port = 6379


class Options(ProbeOptions, frozen=True):
    servers: Servers[RedisServer] = ()

    def __post_init__(self) -> None:
        checked(self.servers, self.deadline_s)


def attach(options: Options, _host: Host) -> Source:
    return Watch("redis", options.servers, ask)


def ask(server: RedisServer) -> Facts:
    """PING and INFO."""
    import redis
    from redis.backoff import NoBackoff
    from redis.retry import Retry

    secure = {"ssl": True, "ssl_ca_certs": server.ca_file} if server.tls else {}
    client = redis.Redis(
        **_place(server),
        username=server.user or None,
        password=password(server.password_file) or None,
        socket_timeout=server.within_s,
        socket_connect_timeout=server.within_s,
        retry=Retry(NoBackoff(), 0),
        protocol=2,
        **secure,
    )
    with client:
        client.ping()
        return _facts(client.info())


def _place(server: RedisServer) -> dict[str, Any]:
    if server.host.startswith("/"):
        return {"unix_socket_path": server.host}
    return {"host": server.host, "port": server.port}


def _facts(info: dict[str, Any]) -> Facts:
    """A full Redis that may evict is an ordinary cache: its limit counts only where it refuses writes."""
    replica = info.get("role") == "slave"
    behind = info.get("master_last_io_seconds_ago")
    refuses = info.get("maxmemory_policy") == "noeviction"
    return Facts(
        version=str(info.get("redis_version", "")),
        role=Role.REPLICA if replica else Role.PRIMARY,
        read_only=replica,
        replicating=info.get("master_link_status") == "up" if replica else None,
        lag_s=float(behind) if replica and behind is not None and behind >= 0 else None,
        connections=info.get("connected_clients"),
        connections_most=info.get("maxclients"),
        bytes_used=info.get("used_memory"),
        bytes_most=(info.get("maxmemory") or None) if refuses else None,
    )

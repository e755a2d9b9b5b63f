"""PostgreSQL servers: whether they take a login and answer a query, their role, lag and connections."""

import math
from typing import Any

from agent.sensors import Host, Source
from agent.sensors.storage.asking import Watch
from agent.sensors.storage.families import families
from agent.sensors.storage.reading import Facts, Reading, Role
from agent.sensors.storage.targets import Login, Port, ProbeOptions, Servers, checked, password

__all__ = ["Options", "Reading", "attach", "metrics"]

metrics = families
# A replica that has replayed all it received is not behind, however long ago the last write was; one that receives
# nothing can't know.
QUERY = """
SELECT current_setting('server_version'),
       pg_is_in_recovery(),
       current_setting('default_transaction_read_only') = 'on',
       (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'),
       current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int,
       CASE WHEN pg_is_in_recovery() THEN EXISTS (SELECT FROM pg_stat_wal_receiver) END,
       CASE WHEN pg_is_in_recovery() AND pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() THEN 0
            ELSE extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp()) END
"""


class PostgresqlServer(Login, frozen=True, kw_only=True):
    """``host`` may be the folder of a Unix socket. ``user`` needs no more than CONNECT to ``database``."""

    port: Port = 5432
    user: str = "mainstay"
    database: str = "postgres"


class Options(ProbeOptions, frozen=True):
    servers: Servers[PostgresqlServer] = ()

    def __post_init__(self) -> None:
        checked(self.servers, self.deadline_s)


def attach(options: Options, _host: Host) -> Source:
    return Watch("postgresql", options.servers, ask)


def ask(server: PostgresqlServer) -> Facts:
    """A query, as the user who is configured."""
    import psycopg

    secure: Any = {"sslmode": "verify-full", "sslrootcert": server.ca_file or "system"} if server.tls else {}
    connection = psycopg.connect(
        host=server.host,
        port=server.port,
        user=server.user,
        password=password(server.password_file) or None,
        dbname=server.database,
        connect_timeout=max(math.ceil(server.within_s), 2),
        application_name="mainstay",
        autocommit=True,
        **secure,
    )
    with connection:
        connection.execute(f"SET statement_timeout = {math.ceil(server.within_s * 1000)}".encode())
        row = connection.execute(QUERY).fetchone()
    assert row is not None
    return _facts(*row)


def _facts(
    version: str,
    replica: bool,
    read_only: bool,
    connections: int,
    most: int,
    receiving: bool | None,
    lag_s: float | None,
) -> Facts:
    return Facts(
        version=version,
        role=Role.REPLICA if replica else Role.PRIMARY,
        read_only=replica or read_only,
        connections=connections,
        connections_most=most,
        replicating=receiving,
        lag_s=float(lag_s) if replica and lag_s is not None and (receiving or lag_s > 0) else None,
    )

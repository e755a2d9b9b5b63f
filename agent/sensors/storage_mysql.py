"""MySQL and MariaDB servers: whether they take a login and answer a query, their role, lag and connections."""

from typing import Any

from agent.sensors import Host, Source
from agent.sensors.storage.asking import Watch
from agent.sensors.storage.families import families
from agent.sensors.storage.reading import Facts, Reading, Role
from agent.sensors.storage.targets import Login, Port, ProbeOptions, Servers, checked, password

__all__ = ["Options", "Reading", "attach", "metrics"]

metrics = families
QUERY = "SELECT @@version, @@global.read_only, @@global.max_connections"
USED = "SHOW GLOBAL STATUS LIKE 'Threads_connected'"
REPLICATION = {True: "SHOW ALL SLAVES STATUS", False: "SHOW REPLICA STATUS"}  # by whether it is MariaDB


class MysqlServer(Login, frozen=True, kw_only=True):
    """``host`` may be the path of a Unix socket. ``user`` needs no privilege, unless a ``database`` is named; without
    REPLICATION CLIENT (MariaDB: SLAVE MONITOR) role and lag are not known."""

    port: Port = 3306
    user: str = "mainstay"
    database: str | None = None


class Options(ProbeOptions, frozen=True):
    servers: Servers[MysqlServer] = ()

    def __post_init__(self) -> None:
        checked(self.servers, self.deadline_s)


def attach(options: Options, _host: Host) -> Source:
    return Watch("mysql", options.servers, ask)


def ask(server: MysqlServer) -> Facts:
    """Two queries, and a third about replication."""
    import ssl

    import pymysql

    connection = pymysql.connect(
        **_place(server),
        user=server.user,
        password=password(server.password_file),
        database=server.database,
        connect_timeout=server.within_s,
        read_timeout=server.within_s,
        write_timeout=server.within_s,
        cursorclass=pymysql.cursors.DictCursor,
        ssl=ssl.create_default_context(cafile=server.ca_file) if server.tls else None,
    )
    with connection, connection.cursor() as cursor:
        (version, read_only, most), used = _row(cursor, QUERY), _row(cursor, USED)
        replicas = _replication(cursor, "MariaDB" in version, pymysql.err.MySQLError)
    return Facts(
        version=version,
        read_only=read_only not in (0, "0", "OFF"),
        connections=int(used[1]),
        connections_most=int(most),
        **_role(replicas),
    )


def _place(server: MysqlServer) -> dict[str, Any]:
    if server.host.startswith("/"):
        return {"unix_socket": server.host}
    return {"host": server.host, "port": server.port}


def _row(cursor: Any, query: str) -> tuple[Any, ...]:
    cursor.execute(query)
    return tuple(cursor.fetchone().values())


def _replication(cursor: Any, mariadb: bool, error: type[Exception]) -> list[dict[str, Any]] | None:
    """A row for each primary that it follows; None when this user may not know, or it is too old for the question."""
    try:
        cursor.execute(REPLICATION[mariadb])
    except error:
        return None
    return list(cursor.fetchall())


def _role(replicas: list[dict[str, Any]] | None) -> dict[str, Any]:
    if replicas is None:
        return {}
    if not replicas:
        return {"role": Role.PRIMARY}
    lags = [_either(row, "Seconds_Behind_Source", "Seconds_Behind_Master") for row in replicas]
    known = [float(lag) for lag in lags if lag is not None]
    return {"role": Role.REPLICA, "replicating": len(known) == len(lags), "lag_s": max(known, default=None)}


def _either(row: dict[str, Any], new: str, old: str) -> Any:
    return row[new] if new in row else row.get(old)

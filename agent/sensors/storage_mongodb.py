"""MongoDB servers: whether they answer hello and ping, their role in the replica set, lag and connections."""

from typing import Any

from agent.sensors import Host, Source
from agent.sensors.storage.asking import Watch
from agent.sensors.storage.families import families
from agent.sensors.storage.reading import Facts, Reading, Role
from agent.sensors.storage.targets import Login, Port, ProbeOptions, Servers, checked, password

__all__ = ["Options", "Reading", "attach", "metrics"]

metrics = families
PRIMARY, SECONDARY = 1, 2  # https://www.mongodb.com/docs/manual/reference/replica-states/


class MongodbServer(Login, frozen=True, kw_only=True):
    """One member of a replica set, or a mongos. A ``user`` of ``auth_database`` with the role clusterMonitor sees lag
    and connections; without one the server is only asked whether it is well."""

    port: Port = 27017
    auth_database: str = "admin"


class Options(ProbeOptions, frozen=True):
    servers: Servers[MongodbServer] = ()

    def __post_init__(self) -> None:
        checked(self.servers, self.deadline_s)


def attach(options: Options, _host: Host) -> Source:
    return Watch("mongodb", options.servers, ask)


def ask(server: MongodbServer) -> Facts:
    """hello and ping; serverStatus and replSetGetStatus where the user may."""
    import pymongo
    from pymongo.errors import OperationFailure

    wait_ms = int(server.within_s * 500)  # it looks for the server again and again; the reason must come in time
    login = {"username": server.user, "password": password(server.password_file), "authSource": server.auth_database}
    secure = {"tls": True, "tlsCAFile": server.ca_file} if server.tls else {}
    client: Any = pymongo.MongoClient(
        host=server.host,
        port=server.port,
        directConnection=True,
        serverSelectionTimeoutMS=wait_ms,
        connectTimeoutMS=wait_ms,
        socketTimeoutMS=wait_ms,
        retryReads=False,
        appname="mainstay",
        **(login if server.user else {}),
        **secure,
    )
    with client:
        client.admin.command("ping")
        hello = client.admin.command("hello")
        status = _allowed(client, "serverStatus", OperationFailure)
        replicas = _allowed(client, "replSetGetStatus", OperationFailure) if "setName" in hello else {}
    return _facts(hello, status, replicas)


def _allowed(client: Any, command: str, refused: type[Exception]) -> dict[str, Any]:
    """Empty where this user may not ask."""
    try:
        answer: dict[str, Any] = client.admin.command(command)
    except refused:
        return {}
    return answer


def _facts(hello: dict[str, Any], status: dict[str, Any], replicas: dict[str, Any]) -> Facts:
    used = status.get("connections", {})
    writable = bool(hello.get("isWritablePrimary"))
    return Facts(
        version=str(status.get("version", "")),
        role=Role.PRIMARY if writable else Role.REPLICA,
        read_only=not writable or bool(hello.get("readOnly")),
        replicating=bool(hello.get("secondary")) if "setName" in hello and not writable else None,
        lag_s=_lag(replicas.get("members", [])),
        connections=used.get("current"),
        connections_most=used["current"] + used["available"] if "available" in used else None,
    )


def _lag(members: list[dict[str, Any]]) -> float | None:
    primary = next((each for each in members if each.get("state") == PRIMARY), None)
    own = next((each for each in members if each.get("self")), None)
    if primary is None or own is None or own.get("state") != SECONDARY:
        return None
    return max(float((primary["optimeDate"] - own["optimeDate"]).total_seconds()), 0.0)

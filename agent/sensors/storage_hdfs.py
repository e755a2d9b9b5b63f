"""HDFS: whether a NameNode lists a folder (WebHDFS), and what it says of DataNodes, blocks and capacity (JMX)."""

import json
import urllib.parse
from typing import TYPE_CHECKING, Annotated, Any

from agent.sensors import Host, Source
from agent.sensors.storage.asking import Watch
from agent.sensors.storage.failures import Denied, NotThere
from agent.sensors.storage.families import families
from agent.sensors.storage.reading import Facts, Reading, Role
from agent.sensors.storage.targets import ProbeOptions, Servers, Target, checked
from wire.names import END, AbsolutePath, form

if TYPE_CHECKING:  # for who has such servers: 2 MiB
    import urllib.error
    import urllib.request

__all__ = ["Options", "Reading", "attach", "metrics"]

metrics = families
MOST_BYTES = 4 * 2**20  # of one answer
STANDBY = "StandbyException"


class HdfsServer(Target, frozen=True, kw_only=True):
    """``url`` is the NameNode's web address (port 9870, with TLS 9871). ``user`` is who asks where there is no
    Kerberos; a cluster with Kerberos is not asked so. ``folder`` is looked at; ``ca_file``: where https is not proven
    by the system's CAs; ``wanted`` is the role it must have."""

    url: Annotated[str, form(r"^https?://[A-Za-z0-9.:_\[\]-]+/?" + END, "http(s)://HOST[:PORT]")]
    user: str = "mainstay"
    folder: AbsolutePath = "/"
    ca_file: AbsolutePath | None = None
    wanted: Role = Role.UNKNOWN


class Options(ProbeOptions, frozen=True):
    servers: Servers[HdfsServer] = ()

    def __post_init__(self) -> None:
        checked(self.servers, self.deadline_s)


def attach(options: Options, _host: Host) -> Source:
    return Watch("hdfs", options.servers, ask)


def ask(server: HdfsServer) -> Facts:
    """A standby lists nothing: that it says so is its answer."""
    status, name = (_bean(server, bean) for bean in ("FSNamesystemState", "FSNamesystem"))
    replica = _standby(server)
    return Facts(
        role=Role.REPLICA if replica else Role.PRIMARY,
        read_only=replica or status.get("FSState") == "safeMode",
        safe_mode=status.get("FSState") == "safeMode",
        bytes_used=_number(status, "CapacityUsed"),
        bytes_most=_most(status),
        nodes_live=_number(status, "NumLiveDataNodes"),
        nodes_dead=_number(status, "NumDeadDataNodes"),
        blocks_missing=_number(name, "MissingBlocks"),
        blocks_under_replicated=_number(status, "UnderReplicatedBlocks"),
    )


def _standby(server: HdfsServer) -> bool:
    import urllib.error

    query = urllib.parse.urlencode({"op": "LISTSTATUS_BATCH", "user.name": server.user})
    path = f"/webhdfs/v1{urllib.parse.quote(server.folder)}?{query}"
    try:
        _get(server, path)
    except urllib.error.HTTPError as error:
        remote = _remote(error)
        if remote.get("exception") == STANDBY:
            return True
        raise _plain(error, remote) from error
    return False


def _bean(server: HdfsServer, name: str) -> dict[str, Any]:
    """One of the NameNode's beans; {} where it has none of the name."""
    beans = _get(server, f"/jmx?qry=Hadoop:service=NameNode,name={name}").get("beans", [])
    return beans[0] if beans else {}


def _get(server: HdfsServer, path: str) -> dict[str, Any]:
    with _opener(server).open(server.url.rstrip("/") + path, timeout=server.within_s) as answer:
        found: dict[str, Any] = json.loads(answer.read(MOST_BYTES))
    return found


def _opener(server: HdfsServer) -> "urllib.request.OpenerDirector":
    """Straight there, whatever proxy the environment names."""
    import ssl
    import urllib.request

    context = ssl.create_default_context(cafile=server.ca_file) if server.url.startswith("https:") else None
    return urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context))


def _remote(error: "urllib.error.HTTPError") -> dict[str, Any]:
    """WebHDFS's own account of what went wrong."""
    try:
        found: dict[str, Any] = json.loads(error.read(MOST_BYTES))["RemoteException"]
    except (ValueError, KeyError, TypeError):
        return {}
    return found


def _plain(error: "urllib.error.HTTPError", remote: dict[str, Any]) -> Exception:
    text = remote.get("message") or f"HTTP {error.code}"
    if error.code in (401, 403):
        return Denied(text)
    return NotThere(text) if error.code == 404 else ConnectionError(text)


def _most(status: dict[str, Any]) -> int | None:
    """What the file system may take: its disks hold other things too."""
    used, left = _number(status, "CapacityUsed"), _number(status, "CapacityRemaining")
    return None if used is None or left is None else used + left


def _number(bean: dict[str, Any], name: str) -> int | None:
    value = bean.get(name)
    return int(value) if isinstance(value, int | float) else None

"""NFS servers, seen from outside: whether they answer a call of their own protocol, and export what they should.

ONC RPC (RFC 5531) over TCP: NFS's NULL procedure, version 4 or else 3, and for exports the list of mountd (RFC 1813,
appendix I), which is found through rpcbind (RFC 1833). What is mounted here is the disk sensor's.
"""

from agent.sensors import Host, Source
from agent.sensors.storage import oncrpc
from agent.sensors.storage.asking import Watch
from agent.sensors.storage.failures import NotThere
from agent.sensors.storage.families import families
from agent.sensors.storage.reading import Facts, Reading
from agent.sensors.storage.targets import Host as HostName
from agent.sensors.storage.targets import Port, ProbeOptions, Servers, Target, checked
from wire.names import AbsolutePath

__all__ = ["Options", "Reading", "attach", "metrics"]

metrics = families
NFS, MOUNTD, RPCBIND = 100_003, 100_005, 100_000
NULL, GETPORT, EXPORT = 0, 3, 5
TCP = 6


class NfsServer(Target, frozen=True, kw_only=True):
    """At ``host`` and ``port``; ``rpcbind_port`` is asked only for exports. ``exports`` must be on mountd's list; a
    server with NFS 4 only has none: leave it empty there."""

    host: HostName
    port: Port = 2049
    rpcbind_port: Port = 111
    exports: tuple[AbsolutePath, ...] = ()


class Options(ProbeOptions, frozen=True):
    servers: Servers[NfsServer] = ()

    def __post_init__(self) -> None:
        checked(self.servers, self.deadline_s)


def attach(options: Options, _host: Host) -> Source:
    return Watch("nfs", options.servers, ask)


def ask(server: NfsServer) -> Facts:
    version = _version(server)
    if server.exports:
        gone = sorted(set(server.exports) - set(_exports(server)))
        if gone:
            raise NotThere(f"does not export {', '.join(gone)}")
    return Facts(version=f"NFS {version}")


def _version(server: NfsServer) -> int:
    with oncrpc.connect(server.host, server.port, server.within_s) as connection:
        try:
            oncrpc.call(connection, NFS, 4, NULL)
        except oncrpc.VersionUnknown:
            oncrpc.call(connection, NFS, 3, NULL)
            return 3
    return 4


def _exports(server: NfsServer) -> list[str]:
    with oncrpc.connect(server.host, server.rpcbind_port, server.within_s) as connection:
        wanted = oncrpc.numbers(MOUNTD, 3, TCP, 0)
        port = oncrpc.Reader(oncrpc.call(connection, RPCBIND, 2, GETPORT, wanted)).number()
    if not port:
        raise NotThere("rpcbind knows no mountd there")
    with oncrpc.connect(server.host, port, server.within_s) as connection:
        return list(_paths(oncrpc.Reader(oncrpc.call(connection, MOUNTD, 3, EXPORT))))


def _paths(reader: oncrpc.Reader) -> list[str]:
    """A linked list of paths, each with a linked list of those who may mount it."""
    paths = []
    while reader.number():
        paths.append(reader.text())
        while reader.number():
            reader.text()
    return paths

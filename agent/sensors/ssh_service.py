"""SSH servers, for checkpoints that go by SFTP or rsync: whether they say who they are and agree on a key."""

import socket

from agent.sensors import Host, Source
from agent.sensors.storage.asking import Watch
from agent.sensors.storage.failures import NotThere
from agent.sensors.storage.families import families
from agent.sensors.storage.reading import Facts, Reading
from agent.sensors.storage.targets import Host as HostName
from agent.sensors.storage.targets import Port, ProbeOptions, Servers, Target, checked

__all__ = ["Options", "Reading", "attach", "metrics"]

metrics = families


class SshServer(Target, frozen=True, kw_only=True):
    """At ``host`` and ``port``. ``fingerprint`` is the host key's, as ``ssh-keygen -l`` prints it (SHA256:...); another
    one is a fault. Nobody logs in."""

    host: HostName
    port: Port = 22
    fingerprint: str = ""


class Options(ProbeOptions, frozen=True):
    servers: Servers[SshServer] = ()

    def __post_init__(self) -> None:
        checked(self.servers, self.deadline_s)


def attach(options: Options, _host: Host) -> Source:
    return Watch("ssh", options.servers, ask)


def ask(server: SshServer) -> Facts:
    """Banner and key exchange, which takes a whole server: sshd has made a process for us by then."""
    import paramiko

    with socket.create_connection((server.host, server.port), server.within_s) as connection:
        transport = paramiko.Transport(connection)
        transport.banner_timeout = transport.handshake_timeout = server.within_s
        try:
            transport.start_client(timeout=server.within_s)
            found = transport.get_remote_server_key().fingerprint
            if server.fingerprint and found != server.fingerprint:
                raise NotThere(f"its host key is {found}: another machine, or a new key")
            return Facts(version=str(transport.remote_version))
        finally:
            transport.close()

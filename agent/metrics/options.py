"""Where the page is shown, and to whom."""

import ipaddress

import msgspec

from wire.names import AbsolutePath, HostPort, split_host_port

HIGHEST_PORT = 65535


class Exposure(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``listen`` is HOST:PORT of the page /metrics for Prometheus; without it there is none. On loopback it is plain
    HTTP for every user of the node; any other address needs all of ``certificate``, ``key`` and ``client_ca``, files in
    PEM: the page is then shown over mutual TLS, to whom ``client_ca`` has given a certificate."""

    listen: HostPort | None = None
    certificate: AbsolutePath | None = None
    key: AbsolutePath | None = None
    client_ca: AbsolutePath | None = None

    def __post_init__(self) -> None:
        files = (self.certificate, self.key, self.client_ca)
        if any(files) and not all(files):
            raise ValueError("certificate, key and client_ca go together; name all three or none")
        if self.listen is not None and split_host_port(self.listen)[1] > HIGHEST_PORT:
            raise ValueError(f"listen {self.listen}: ports end at {HIGHEST_PORT}")
        if self.listen is not None and not self.secured and not on_loopback(self.listen):
            raise ValueError(
                f"listen {self.listen} is not on loopback: name certificate, key and client_ca for mutual TLS, "
                "or listen on 127.0.0.1"
            )

    @property
    def secured(self) -> bool:
        return self.client_ca is not None


def on_loopback(listen: HostPort) -> bool:
    """By address; of names only localhost counts. Raises ValueError for what is no HOST:PORT."""
    host, _ = split_host_port(listen)
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"

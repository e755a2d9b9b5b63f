"""Can this machine talk to a controller, and is it the one it trusts?"""

import socket
import ssl
from dataclasses import dataclass
from pathlib import Path

from cli.doctor.finding import Seen, fail, ok
from wire.names import split_host_port

TIMEOUT_S = 5.0


@dataclass(frozen=True)
class Papers:
    """What TLS needs: whom to trust, and on the link who we are."""

    ca: Path
    certificate: Path | None = None
    key: Path | None = None


def look(address: str, papers: Papers, *, called: str | None = None) -> Seen:
    """``address``: HOST:PORT, or [IPV6]:PORT; its certificate must be for ``called``, else for the host."""
    host, port = split_host_port(address)
    context = _context(papers)
    try:
        with (
            socket.create_connection((host, port), TIMEOUT_S) as plain,
            context.wrap_socket(plain, server_hostname=called or host) as secured,
        ):
            return ok(f"{address} answers, {secured.version()}")
    except ssl.SSLCertVerificationError as error:
        return fail(f"{address}: {error.verify_message}", "join that controller, or name it as its certificate does")
    except ssl.SSLError as error:
        return fail(f"{address}: {error.reason or error}", "is that the right port?")
    except OSError as error:
        said = str(error.strerror or error or "no answer")
        return fail(f"{address}: {said}", "is the controller up, the port open in the firewall, the address right?")


def open_port(address: str) -> Seen:
    """Somebody listens there; who it is, only an agent's certificate could find out."""
    try:
        with socket.create_connection(split_host_port(address), TIMEOUT_S):
            return ok(f"{address} is open")
    except OSError as error:
        return fail(f"{address}: {error.strerror or error}", "is the controller up?")


def _context(papers: Papers) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_verify_locations(papers.ca)
    if papers.certificate and papers.key:
        context.load_cert_chain(papers.certificate, papers.key)
    return context

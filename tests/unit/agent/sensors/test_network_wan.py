"""Far places, near enough: real listeners on this machine."""

import socket
import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from agent.sensors import wan

FAR_S = 0.3


@pytest.fixture
def listener() -> Iterator[int]:
    """It takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def nobody() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


class Page(BaseHTTPRequestHandler):
    def do_HEAD(self) -> None:
        self.send_response(404 if self.path == "/missing" else 200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """An HTTPS server whose certificate this machine trusts."""
    pem = self_signed(tmp_path / "site.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    monkeypatch.setenv("SSL_CERT_FILE", str(pem))
    wan._trust.cache_clear()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Page)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_address[1]
    server.shutdown()
    server.server_close()
    wan._trust.cache_clear()


def self_signed(path: Path) -> Path:
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    made = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    made = made.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
    made = made.add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path.write_bytes(private + made.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM))
    return path


def target(kind: str, port: int = 443, host: str = "localhost", path: str = "/", name: str = "it") -> wan.Target:
    return wan.Target(name, host, port, wan.Way(kind), path)


def answer(*targets: wan.Target) -> wan.Answer:
    reading = wan.read(wan.Options(targets=targets, timeout_s=FAR_S * 10, deadline_s=60.0))
    assert reading is not None
    return reading.answers[0]


def test_who_listens_is_reached_and_who_does_not_is_not(listener: int, nobody: int) -> None:
    assert answer(target("tcp", listener)).error == ""
    assert "refused" in answer(target("tcp", nobody)).error.lower()


def test_a_site_is_asked_with_its_certificate_checked(site: int) -> None:
    assert answer(target("https", site)).status == 200
    assert answer(target("https", site, path="/missing")).status == 404
    assert "CERTIFICATE_VERIFY_FAILED" in answer(target("https", site, host="127.0.0.1")).error


def test_what_is_no_https_is_an_error_and_what_says_nothing_is_late(listener: int) -> None:
    silent, quick = target("https", listener, name="silent"), target("dns", name="quick")
    reading = wan.read(wan.Options(targets=(silent, quick), timeout_s=FAR_S))
    assert reading is not None
    assert [(it.name, bool(it.error)) for it in reading.answers] == [("silent", True), ("quick", False)]
    assert "0.3 s" in reading.answers[0].error


@pytest.mark.parametrize("host", ["x" * 70, "..", "host with spaces"])
def test_a_name_that_is_none_is_an_error(host: str) -> None:
    assert answer(target("tcp", host=host)).error


def test_without_targets_there_is_nothing_to_tell() -> None:
    assert wan.read(wan.Options()) is None


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ({"timeout_s": 10}, "less than deadline_s"),
        ({"targets": [{"name": "a", "host": "h"}, {"name": "a", "host": "i"}]}, "two have one name"),
        ({"targets": [{"name": "a", "host": "h", "kind": "icmp"}]}, "icmp"),
        ({"targets": [{"name": "a", "host": "h", "port": 0}]}, "port"),
    ],
)
def test_a_mistake_in_the_configuration_is_told(table: dict[str, object], told: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=told):
        msgspec.convert(table, wan.Options)

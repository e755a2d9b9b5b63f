"""Joining, against a small real HTTPS server; and what is kept of it."""

import contextlib
import ssl
import stat
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from agent import identity
from agent.errors import Invalid, Permanent, Refused, Unreachable
from agent.join import join
from wire.api import ErrorResponse, JoinRequest, JoinResponse


@contextlib.contextmanager
def api(authority: Any, context: ssl.SSLContext, certify: Callable[[JoinRequest], JoinResponse]) -> Iterator[str]:
    """HOST:PORT of an API that knows one token, "secret"."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(200 if self.path == "/v1/ca" else 404, authority.pem.encode())

        def do_POST(self) -> None:
            request = msgspec.json.decode(self.rfile.read(int(self.headers["Content-Length"])), type=JoinRequest)
            if self.headers["Authorization"] != "Bearer secret":
                self._answer(401, msgspec.json.encode(ErrorResponse("this token is not known", "unauthorized")))
            else:
                self._answer(201, msgspec.json.encode(certify(request)))

        def _answer(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def certify_with(authority: Any) -> Callable[[JoinRequest], JoinResponse]:
    def certify(request: JoinRequest) -> JoinResponse:
        key = x509.load_pem_x509_csr(request.csr.encode()).public_key()
        return JoinResponse(authority.issue(request.node, key), authority.pem, "127.0.0.1:7443")

    return certify


@pytest.fixture
def server_tls(authority: Any, tmp_path: Path) -> ssl.SSLContext:
    context: ssl.SSLContext = authority.server_context(tmp_path, clients=False)
    return context


def test_join_gives_an_identity_that_works(authority: Any, server_tls: ssl.SSLContext, tmp_path: Path) -> None:
    with api(authority, server_tls, certify_with(authority)) as where:
        mine = join(where, "n1", "secret", authority.fingerprint)
    identity.store(tmp_path / "state", mine)
    identity.client_context(tmp_path / "state")
    assert identity.read_link(tmp_path / "state") == "127.0.0.1:7443"
    key = tmp_path / "state" / "identity" / identity.KEY
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert stat.S_IMODE(key.parent.stat().st_mode) == 0o700


def test_another_fingerprint_ends_it_before_the_token_is_sent(authority: Any, server_tls: ssl.SSLContext) -> None:
    asked: list[JoinRequest] = []
    with (
        api(authority, server_tls, lambda request: asked.append(request)) as where,  # type: ignore[arg-type,return-value]
        pytest.raises(Refused, match="is not the one given"),
    ):
        join(where, "n1", "secret", "sha256:" + "0" * 64)
    assert asked == []


def test_a_wrong_token_is_said_so(authority: Any, server_tls: ssl.SSLContext) -> None:
    with (
        api(authority, server_tls, certify_with(authority)) as where,
        pytest.raises(Refused, match="this token is not known"),
    ):
        join(where, "n1", "guess", authority.fingerprint)


def test_a_certificate_for_another_key_is_not_kept(authority: Any, server_tls: ssl.SSLContext) -> None:
    def certify(request: JoinRequest) -> JoinResponse:
        other = ec.generate_private_key(ec.SECP256R1())
        return JoinResponse(authority.issue(request.node, other.public_key()), authority.pem, "127.0.0.1:1")

    with api(authority, server_tls, certify) as where, pytest.raises(Permanent, match="another key"):
        join(where, "n1", "secret", authority.fingerprint)


def test_a_certificate_of_another_authority_is_not_kept(
    authority: Any, make_authority: Callable[[], Any], server_tls: ssl.SSLContext
) -> None:
    with (
        api(authority, server_tls, certify_with(make_authority())) as where,
        pytest.raises(Permanent, match="not of this CA"),
    ):
        join(where, "n1", "secret", authority.fingerprint)


def test_nobody_there(authority: Any) -> None:
    with pytest.raises(Unreachable, match="is the controller up"):
        join("127.0.0.1:1", "n1", "secret", authority.fingerprint)


@pytest.mark.parametrize("text", ["", "sha256:", "sha256:12", "md5:" + "0" * 64, "sha256:" + "x" * 64])
def test_a_malformed_fingerprint(text: str) -> None:
    with pytest.raises(Invalid, match="64 hexadecimal digits"):
        join("127.0.0.1:1", "n1", "secret", text)


def test_joining_again_replaces_all_of_it(authority: Any, tmp_path: Path) -> None:
    first, second = authority.identity("n1"), authority.identity("n1")
    identity.store(tmp_path, first)
    identity.store(tmp_path, second)
    place = identity.directory(tmp_path)
    assert (place / identity.KEY).read_text() == second.key
    assert (place / identity.CERTIFICATE).read_text() == second.certificate
    assert sorted(path.name for path in tmp_path.iterdir()) == ["identity"]


def test_a_crash_between_the_renames_is_mended(authority: Any, tmp_path: Path) -> None:
    new = authority.identity("n1")
    identity.store(tmp_path, new)
    (tmp_path / "identity").rename(tmp_path / "identity.new")
    assert (identity.directory(tmp_path) / identity.KEY).read_text() == new.key


def test_a_node_that_has_not_joined_is_told_how(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="mainstay-agent join"):
        identity.client_context(tmp_path)

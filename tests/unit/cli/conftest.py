"""The command against a small HTTPS server that answers as told."""

import ssl
import threading
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from cli.main import execute
from wire.api import ErrorResponse

TOKEN = "ms_api_secret"


class _Controller(BaseHTTPRequestHandler):
    """GET is answered from ``server.answers``: one after the other, the last one for ever."""

    def do_GET(self):
        self.server.looked.append(self.path)
        answers = self.server.answers.get(self.path.partition("?")[0])
        if self.headers["Authorization"] != f"Bearer {TOKEN}":
            self._answer(401, ErrorResponse("the API token is not valid", "unauthorized"))
        elif answers:
            self._answer(*(answers.pop(0) if len(answers) > 1 else answers[0]))
        else:
            self._answer(404, ErrorResponse(f"no {self.path}", "not_found"))

    def do_POST(self):
        self.server.asked.append(self.path)
        answers = self.server.answers.get(f"{self.command} {self.path}")
        self._answer(*(answers[0] if answers else (409, ErrorResponse("a person holds it\nstill", "person_hold"))))

    do_PUT = do_POST

    def _answer(self, status, body):
        content = msgspec.json.encode(body)
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def ca(tmp_path_factory):
    """One self-signed certificate, both the server's and the CA."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=True)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    folder = tmp_path_factory.mktemp("tls")
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "ca.pem").write_bytes(pem)
    (folder / "server.pem").write_bytes(private + pem)
    return folder


@pytest.fixture
def controller(ca):
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Controller)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(ca / "server.pem")
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    server.handle_error = lambda *_: None
    server.daemon_threads = True
    server.asked, server.looked, server.answers = [], [], {}
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield server
    server.shutdown()
    thread.join(10)
    server.server_close()


@pytest.fixture
def mainstay(controller, ca, monkeypatch, capsys, tmp_path):
    """Run the command; gives exit status, stdout and stderr."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("MAINSTAY_API", f"127.0.0.1:{controller.server_port}")
    monkeypatch.setenv("MAINSTAY_TOKEN", TOKEN)
    monkeypatch.setenv("MAINSTAY_CA", str(ca / "ca.pem"))
    monkeypatch.delenv("MAINSTAY_TOKEN_FILE", raising=False)

    def run(*arguments):
        status = execute(arguments)
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return run

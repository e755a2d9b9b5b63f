"""The command against a small HTTPS server: what it prints, on which stream, and how it exits."""

import json
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
from wire.api import ErrorResponse, JobPhase, JobView

TOKEN = "ms_api_secret"
JOB = JobView(
    id="bytes-lm-1",
    name="bytes-lm",
    phase=JobPhase.RUNNING,
    reason="",
    message="",
    nodes=["n1", "n2"],
    attempt=1,
    step=40,
    loss=2.5,
    failures=0,
    submitted_by="person:admin",
    user="ada",
    created_at=datetime(2026, 7, 1, tzinfo=UTC),
    ended_at=None,
)


class _Controller(BaseHTTPRequestHandler):
    def do_GET(self):
        if self.headers["Authorization"] != f"Bearer {TOKEN}":
            self._answer(401, ErrorResponse("the API token is not valid", "unauthorized"))
        elif self.path == "/v1/jobs/bytes-lm":
            self._answer(200, JOB)
        elif self.path == "/v1/runs":
            self._answer(500, ErrorResponse("an error in the controller", "internal"))
        elif self.path == "/v1/nodes":
            self._answer(200, {"not": "a list"})
        elif self.path == "/v1/nodes/odd%2Fname":
            self._answer(418, "?")
        else:
            self._answer(404, ErrorResponse(f"no {self.path}", "not_found"))

    def do_POST(self):
        self.server.asked.append(self.path)
        self._answer(409, ErrorResponse("a person holds it\nstill", "person_hold"))

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
    server.asked = []
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


def test_done_is_0_and_goes_to_stdout(mainstay):
    status, out, err = mainstay("job", "show", "bytes-lm")
    assert (status, err) == (0, "")
    assert "bytes-lm-1  running" in out


def test_json_is_the_wire_type(mainstay):
    status, out, _ = mainstay("job", "show", "bytes-lm", "-o", "json")
    assert status == 0
    assert msgspec.convert(json.loads(out), JobView) == JOB


def test_an_error_of_the_controller_is_1(mainstay):
    assert mainstay("run", "list") == (1, "", "mainstay: an error in the controller\n")


@pytest.mark.parametrize(
    "arguments", [("node",), ("node", "shw"), ("node", "show"), ("--bogus",), ("run", "show", "x"), ("why", "a", "b")]
)
def test_bad_usage_is_2_and_one_line(mainstay, arguments):
    status, out, err = mainstay(*arguments)
    assert (status, out) == (2, "")
    assert err.startswith("mainstay: ")
    assert err.count("\n") == 1


def test_a_bad_job_file_is_2_and_nothing_is_asked(mainstay, controller, tmp_path):
    path = tmp_path / "job.toml"
    path.write_text('name = "a"\nscript = "s"\nnodes = 0\n')
    assert mainstay("job", "submit", str(path)) == (2, "", f"mainstay: {path}: nodes: expected int >= 1; correct it\n")
    assert controller.asked == []


def test_what_is_not_there_is_3(mainstay):
    status, _, err = mainstay("node", "show", "n9")
    assert (status, err) == (3, "mainstay: no /v1/nodes/n9\n")
    assert mainstay("why", "n9")[0] == 3


def test_a_refusal_is_4_and_names_the_rule(mainstay):
    expected = "mainstay: refused (person_hold): a person holds it still\n"
    assert mainstay("node", "uncordon", "n1") == (4, "", expected)


def test_a_wrong_token_is_4(mainstay, monkeypatch):
    monkeypatch.setenv("MAINSTAY_TOKEN", "wrong")
    assert mainstay("node", "list")[0] == 4


def test_a_stop_that_nobody_confirms_is_2_and_names_what_it_would_hit(mainstay, controller):
    status, _, err = mainstay("job", "stop", "bytes-lm")
    assert status == 2
    assert "bytes-lm-1 (running on n1, n2, step 40)" in err
    assert controller.asked == []


def test_yes_stops_without_asking(mainstay, controller):
    assert mainstay("job", "stop", "bytes-lm", "--yes")[0] == 4
    assert controller.asked == ["/v1/jobs/bytes-lm-1/stop"]


def test_an_answer_of_another_version_is_1(mainstay):
    status, _, err = mainstay("node", "list")
    assert status == 1
    assert "cannot read" in err


def test_an_answer_that_is_no_controllers_is_told(mainstay):
    status, _, err = mainstay("node", "show", "odd/name")
    assert (status, "HTTP 418" in err) == (2, True)


def test_a_closed_port_is_1_and_says_what_to_set(mainstay, monkeypatch):
    monkeypatch.setenv("MAINSTAY_API", "127.0.0.1:1")
    status, _, err = mainstay("node", "list")
    assert status == 1
    assert "connection refused" in err
    assert "MAINSTAY_API" in err


def test_a_certificate_of_another_authority_is_1_and_names_the_ca_file(mainstay, monkeypatch, tmp_path, ca):
    other = tmp_path / "other.pem"
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=1))
        .not_valid_after(now + timedelta(hours=1))
        .sign(key, hashes.SHA256())
    )
    other.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    monkeypatch.setenv("MAINSTAY_CA", str(other))
    status, _, err = mainstay("node", "list")
    assert status == 1
    assert f"not one of the CA in {other}" in err


def test_a_ca_file_that_is_none_is_2(mainstay, monkeypatch, tmp_path):
    monkeypatch.setenv("MAINSTAY_CA", str(tmp_path))
    assert mainstay("node", "list")[0] == 2
    monkeypatch.setenv("MAINSTAY_CA", str(tmp_path / "nope"))
    assert mainstay("node", "list")[0] == 2

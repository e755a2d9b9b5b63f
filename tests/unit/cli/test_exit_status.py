"""The command against a small HTTPS server: what it prints, on which stream, and how it exits."""

import json
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from wire.api import ErrorResponse, JobPhase, JobView

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


@pytest.fixture(autouse=True)
def answers(controller):
    controller.answers.update(
        {
            "/v1/jobs/bytes-lm": [(200, JOB)],
            "/v1/runs": [(500, ErrorResponse("an error in the controller", "internal"))],
            "/v1/nodes": [(200, {"not": "a list"})],
            "/v1/nodes/odd%2Fname": [(418, "?")],
        }
    )


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

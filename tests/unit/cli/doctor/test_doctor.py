"""What the doctor makes of what it sees."""

import json
import os
import socket
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from cli.doctor import certificates, command, files, machine, reach, units
from cli.doctor.finding import Finding, Verdict, look, ok
from cli.main import execute
from cli.render import doctor as render
from cli.terminal import print_table

NOW = datetime(2026, 7, 1, tzinfo=UTC)
BIN = Path("/opt/mainstay/bin")
ACTIVE = {
    "LoadState": "loaded",
    "UnitFileState": "enabled",
    "ActiveState": "active",
    "SubState": "running",
    "StatusText": "linked to a controller",
    "NRestarts": "0",
    "NeedDaemonReload": "no",
    "WatchdogUSec": "30s",
    "ExecStart": "{ path=/opt/mainstay/bin/mainstay-agent ; argv[]=/opt/mainstay/bin/mainstay-agent run }",
}
UNIT = "mainstay-agent.service"


@pytest.mark.parametrize(
    ("change", "verdict", "said"),
    [
        ({}, Verdict.OK, "linked to a controller"),
        ({"LoadState": "not-found"}, Verdict.FAIL, "not installed"),
        ({"ActiveState": "activating", "SubState": "auto-restart"}, Verdict.FAIL, "activating (auto-restart)"),
        ({"UnitFileState": "disabled"}, Verdict.WARN, "will not after a reboot"),
        ({"NeedDaemonReload": "yes"}, Verdict.WARN, "changed on disk"),
        ({"ExecStart": "{ path=/old/bin/mainstay-agent ; }"}, Verdict.WARN, "starts /old/bin/mainstay-agent"),
        ({"WatchdogUSec": "0"}, Verdict.WARN, "without a watchdog"),
        ({"NRestarts": "9"}, Verdict.WARN, "restarted 9 times"),
    ],
)
def test_a_unit(change, verdict, said):
    seen = units.judge(UNIT, ACTIVE | change, BIN)
    assert seen.verdict is verdict
    assert said in seen.message
    assert bool(seen.mend) == (verdict is not Verdict.OK)


def test_a_socket_needs_no_watchdog():
    assert units.judge("x.socket", ACTIVE | {"WatchdogUSec": "0", "ExecStart": ""}, BIN).verdict is Verdict.OK


@pytest.fixture
def papers(tmp_path):
    """A certificate of its own authority, for a name and an address, 60 days from NOW."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([])
    names = [x509.DNSName("c1"), x509.IPAddress(ip_address("10.0.0.1"))]
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(NOW - timedelta(days=1))
        .not_valid_after(NOW + timedelta(days=60))
        .add_extension(x509.SubjectAlternativeName(names), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path / "server.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
    ca = tmp_path / "ca.pem"
    ca.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    return path, ca


@pytest.mark.parametrize(
    ("days", "names", "verdict", "said"),
    [
        (0, ["c1", "10.0.0.1"], Verdict.OK, "valid until 2026-08-30"),
        (0, ["c2"], Verdict.FAIL, "not for c2"),
        (40, [], Verdict.WARN, "valid until"),
        (61, [], Verdict.FAIL, "over since"),
    ],
)
def test_a_certificate(papers, days, names, verdict, said):
    seen = certificates.look(*papers, names, NOW + timedelta(days=days), "renew it")
    assert (seen.verdict, said in seen.message) == (verdict, True)


def test_a_certificate_of_somebody_else(papers, tmp_path):
    path, ca = papers
    path.write_text("no certificate")
    assert certificates.look(path, ca, [], NOW, "renew it").verdict is Verdict.FAIL


def test_who_owns_a_file(tmp_path):
    me = files.user_name(os.geteuid())
    path = tmp_path / "key"
    path.touch(mode=0o600)
    path.chmod(0o600)
    assert files.owned(path, me, beyond=0o077).verdict is Verdict.OK
    assert files.owned(path, "somebody", beyond=0o077).mend == f"chown somebody {path}"
    path.chmod(0o644)
    assert files.owned(path, me, beyond=0o077).mend == f"chmod 0600 {path}"


def test_the_helpers_socket_is_for_its_group_only(tmp_path):
    path = tmp_path / "sock"
    group = files.group_name(os.getegid())
    assert files.socket_for(path, group).verdict is Verdict.FAIL
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        path.chmod(0o666)
        assert "0666" in files.socket_for(path, group).message
        path.chmod(0o660)
        if os.geteuid() == 0:
            assert files.socket_for(path, group).verdict is Verdict.OK
        assert files.socket_for(path, "somebody").verdict is Verdict.FAIL


def test_what_jobs_may_use(tmp_path):
    looks = dict(files.workers(["root"], [str(tmp_path), "/no/where"], []))
    assert looks["jobs' users"]().message == "no such user: root"
    assert looks["jobs' roots"]().message == "no such directory: /no/where"
    assert looks["interpreters"]().verdict is Verdict.WARN


def test_a_hold_file_is_told(tmp_path):
    assert files.hold(tmp_path / "hold").verdict is Verdict.OK
    (tmp_path / "hold").touch()
    assert files.hold(tmp_path / "hold").mend.endswith(f"rm {tmp_path / 'hold'}")


def test_cgroups(tmp_path):
    assert "version 1" in machine.cgroups(tmp_path).message
    (tmp_path / "cgroup.controllers").touch()
    assert "without cgroup.kill" in machine.cgroups(tmp_path).message
    (tmp_path / "system.slice").mkdir()
    (tmp_path / "system.slice" / "cgroup.kill").touch()
    assert machine.cgroups(tmp_path).verdict is Verdict.OK


def test_a_closed_port_is_said_so(papers):
    with socket.create_server(("127.0.0.1", 0)) as listening:
        address = f"127.0.0.1:{listening.getsockname()[1]}"
        assert reach.open_port(address).verdict is Verdict.OK
    assert reach.open_port(address).verdict is Verdict.FAIL
    assert "refused" in reach.look(address, reach.Papers(papers[1])).message


def test_a_look_that_may_not_is_no_failure():
    def forbidden():
        raise PermissionError(13, "Permission denied", "/etc/secret")

    def missing():
        raise FileNotFoundError(2, "No such file or directory", "/etc/none")

    found = look("agent", [("a", forbidden), ("b", missing), ("c", lambda: ok("fine"))])
    assert [each.verdict for each in found] == [Verdict.UNSEEN, Verdict.FAIL, Verdict.OK]
    assert "/etc/secret" in found[0].message


def test_nothing_installed_is_a_failure(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(command.agent, "CONFIG", str(tmp_path / "agent.toml"))
    monkeypatch.setattr(command.controller, "CONFIG", str(tmp_path / "controller.toml"))
    assert execute(["doctor", "--dir", str(tmp_path), "-o", "json"]) == 1
    found = msgspec.convert(json.loads(capsys.readouterr().out), list[Finding])
    assert found[-1].message == "nothing of Mainstay is installed here"


def test_the_screen(capsys):
    found = [
        Finding("machine", "version", Verdict.OK, "mainstay 0.1.0"),
        Finding("agent", "certificate", Verdict.WARN, "valid until 2026-08-30", "join it again: " + "words " * 12),
        Finding("agent", "link", Verdict.FAIL, "10.0.0.1:7401: Connection refused", "is the controller up?"),
    ]
    print_table(render.findings(found))
    assert capsys.readouterr().out == (
        "machine\n"
        "  ok      version      mainstay 0.1.0\n"
        "agent\n"
        "  warn    certificate  valid until 2026-08-30\n"
        "                       -> join it again: words words words words words words\n"
        "                       words words words words words words\n"
        "  fail    link         10.0.0.1:7401: Connection refused\n"
        "                       -> is the controller up?\n"
        "\n"
        "1 ok, 1 warn, 1 fail\n"
    )

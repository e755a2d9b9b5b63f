import socket
import ssl
import stat
import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from cryptography.x509.verification import PolicyBuilder
from cryptography.x509.verification import Store as Roots

from controller.errors import Invalid, NotFound
from controller.trust import BrokenTrust, Trust, authority_fingerprint, fingerprint, identify

NAMES = ["localhost", "127.0.0.1"]
MakeCsr = Callable[[str], str]


def server_certificate(state: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate((state / "tls" / "server.pem").read_bytes())


def test_authority_is_made_once_and_private(tmp_path: Path, now: datetime) -> None:
    first = Trust(tmp_path, NAMES, now)
    again = Trust(tmp_path, NAMES, now)
    assert first.ca_fingerprint == again.ca_fingerprint == authority_fingerprint(tmp_path)
    assert first.ca_fingerprint.startswith("sha256:")
    for file in ("ca/ca.key", "tls/server.pem"):
        assert stat.S_IMODE((tmp_path / file).stat().st_mode) == 0o600


def test_no_authority_yet_is_said(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="start the controller once"):
        authority_fingerprint(tmp_path)


def test_lost_key_is_named_and_nothing_is_made_anew(tmp_path: Path, now: datetime) -> None:
    Trust(tmp_path, NAMES, now)
    (tmp_path / "ca" / "ca.key").unlink()
    with pytest.raises(BrokenTrust, match=r"ca.*restore"):
        Trust(tmp_path, NAMES, now)


def test_another_authoritys_key_is_refused(tmp_path: Path, now: datetime) -> None:
    Trust(tmp_path / "a", NAMES, now)
    Trust(tmp_path / "b", NAMES, now)
    (tmp_path / "a/ca/ca.key").write_bytes((tmp_path / "b/ca/ca.key").read_bytes())
    with pytest.raises(BrokenTrust, match="not the key"):
        Trust(tmp_path / "a", NAMES, now)


def test_server_chain_verifies(trust: Trust, tmp_path: Path, now: datetime) -> None:
    policy = PolicyBuilder().store(Roots([trust.certificate])).time(now)
    verifier = policy.build_server_verifier(x509.DNSName("localhost"))
    assert len(verifier.verify(server_certificate(tmp_path / "state"), [])) == 2


def test_authority_cannot_have_authorities_below_it(trust: Trust) -> None:
    constraints = trust.certificate.extensions.get_extension_for_class(x509.BasicConstraints)
    assert constraints.critical
    assert constraints.value == x509.BasicConstraints(ca=True, path_length=0)


def test_node_chain_verifies_and_is_no_servers(trust: Trust, make_csr: MakeCsr, now: datetime) -> None:
    pem, _ = trust.sign_node(make_csr("x"), "n1", now)
    certificate = x509.load_pem_x509_certificate(pem.encode())
    policy = PolicyBuilder().store(Roots([trust.certificate])).time(now)
    assert policy.build_client_verifier().verify(certificate, []).subjects
    usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usage) == [ExtendedKeyUsageOID.CLIENT_AUTH]


def test_of_a_request_only_the_key_counts(trust: Trust, make_csr: MakeCsr, now: datetime) -> None:
    pem, digest = trust.sign_node(make_csr("another-node"), "n1", now)
    certificate = x509.load_pem_x509_certificate(pem.encode())
    names = [attribute.value for attribute in certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
    assert names == ["n1"]
    peer = identify(certificate.public_bytes(Encoding.DER))
    assert peer is not None
    assert (peer.node, peer.fingerprint) == ("n1", digest) == ("n1", fingerprint(certificate))


def test_servers_certificate_names_no_node(trust: Trust, tmp_path: Path) -> None:
    assert identify(server_certificate(tmp_path / "state").public_bytes(Encoding.DER)) is None


@pytest.mark.parametrize(
    "text", ["", "nonsense", "-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n"]
)
def test_nonsense_is_no_request(trust: Trust, now: datetime, text: str) -> None:
    with pytest.raises(Invalid, match=r"^csr: "):
        trust.sign_node(text, "n1", now)


def test_weak_kind_of_key_is_refused(trust: Trust, now: datetime) -> None:
    key = rsa.generate_private_key(65537, 2048)
    request = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).sign(key, hashes.SHA256())
    with pytest.raises(Invalid, match="P-256"):
        trust.sign_node(request.public_bytes(Encoding.PEM).decode(), "n1", now)


def test_tampered_request_is_refused(trust: Trust, make_csr: MakeCsr, now: datetime) -> None:
    der = bytearray(x509.load_pem_x509_csr(make_csr("honest").encode()).public_bytes(Encoding.DER))
    at = der.index(b"honest")
    der[at : at + 6] = b"forged"
    forged = x509.load_der_x509_csr(bytes(der)).public_bytes(Encoding.PEM).decode()
    with pytest.raises(Invalid, match="signature"):
        trust.sign_node(forged, "n1", now)


def test_server_certificate_is_renewed_only_when_due(tmp_path: Path, now: datetime) -> None:
    trust = Trust(tmp_path, NAMES, now)
    assert not trust.renew(now + timedelta(days=330))
    assert trust.renew(now + timedelta(days=340))


def test_server_certificate_follows_the_names(tmp_path: Path, now: datetime) -> None:
    Trust(tmp_path, NAMES, now)
    before = server_certificate(tmp_path)
    Trust(tmp_path, [*NAMES, "controller.example"], now)
    after = server_certificate(tmp_path)
    assert before != after
    alternative = after.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert "controller.example" in alternative.get_values_for_type(x509.DNSName)


def handshake(server: ssl.SSLContext, client: ssl.SSLContext) -> str | None:
    """The TLS version that both agreed on; raises what the client gets."""
    ours, theirs = socket.socketpair()

    def serve() -> None:
        try:
            with server.wrap_socket(ours, server_side=True) as tls:
                tls.recv(1)
                tls.send(b"x")
        except OSError:
            ours.close()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        theirs.settimeout(10)
        with client.wrap_socket(theirs, server_hostname="localhost") as tls:
            tls.send(b"x")
            tls.recv(1)  # TLS 1.3: a refused client learns of it here
            return tls.version()
    finally:
        theirs.close()
        thread.join(timeout=10)


def test_api_speaks_tls_1_3_to_anybody_who_trusts_the_authority(trust: Trust) -> None:
    client = ssl.create_default_context(cadata=trust.ca_pem)
    assert handshake(trust.api_context(), client) == "TLSv1.3"
    client.maximum_version = ssl.TLSVersion.TLSv1_2
    with pytest.raises(ssl.SSLError):
        handshake(trust.api_context(), client)


def test_client_of_another_authority_refuses_us(trust: Trust, tmp_path: Path, now: datetime) -> None:
    other = Trust(tmp_path / "other", NAMES, now)
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(trust.api_context(), ssl.create_default_context(cadata=other.ca_pem))


def test_link_wants_a_certificate_of_ours(
    trust: Trust, node_context: Callable[[str], ssl.SSLContext], tmp_path: Path
) -> None:
    assert handshake(trust.link_context(), node_context("n1")) == "TLSv1.3"
    with pytest.raises(ssl.SSLError):
        handshake(trust.link_context(), ssl.create_default_context(cadata=trust.ca_pem))


def test_link_refuses_another_authoritys_node(
    trust: Trust, node_context: Callable[[str], ssl.SSLContext], tmp_path: Path, now: datetime
) -> None:
    other = Trust(tmp_path / "other", NAMES, now)
    client = node_context("n1")
    client.load_verify_locations(cadata=other.ca_pem)
    with pytest.raises((ssl.SSLError, ConnectionError)):
        handshake(other.link_context(), client)


def test_the_servers_own_certificate_is_no_clients(trust: Trust, tmp_path: Path) -> None:
    client = ssl.create_default_context(cadata=trust.ca_pem)
    client.load_cert_chain(tmp_path / "state" / "tls" / "server.pem")
    with pytest.raises((ssl.SSLError, ConnectionError)):
        handshake(trust.link_context(), client)

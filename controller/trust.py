"""Who is who: the controller's own certificate authority, its server certificate and the nodes' certificates.

The authority is made at the first start in ``<state_dir>/ca/`` and signs nothing but this controller's server
certificate and certificates of nodes that brought a join token. Everything speaks TLS 1.3. Times are UTC.
"""

import ipaddress
import ssl
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

import msgspec
from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from controller import durable
from controller.errors import Invalid, NotFound, Permanent

AUTHORITY_LIFE = timedelta(days=3650)
SERVER_LIFE = timedelta(days=365)
NODE_LIFE = timedelta(days=365)
RENEW_BEFORE = timedelta(days=30)
CLOCK_SKEW = timedelta(minutes=5)  # a certificate is valid a little before it is made: peers' clocks differ
NODE_URI = "mainstay://node/"
ALLOWED_CURVES = (ec.SECP256R1, ec.SECP384R1)


class BrokenTrust(Permanent):
    """The authority's files are not usable; str() names the file and the mend."""

    reason = "broken_trust"


class PeerIdentity(msgspec.Struct, frozen=True):
    node: str
    fingerprint: str  # SHA-256 of the certificate, hexadecimal


class Trust:
    """The authority and the server certificate of one controller, both on disk under ``state``."""

    def __init__(self, state: Path, names: Sequence[str], now: datetime) -> None:
        """Load the authority, or make it where there is none; renew the server certificate where due."""
        self._names = sorted(set(names))
        self._server_file = state / "tls" / "server.pem"
        self._key, self.certificate = _load_or_make_authority(state / "ca", now)
        self._contexts: list[ssl.SSLContext] = []
        self.renew(now)

    @property
    def ca_pem(self) -> str:
        return self.certificate.public_bytes(Encoding.PEM).decode()

    @property
    def ca_fingerprint(self) -> str:
        return f"sha256:{fingerprint(self.certificate)}"

    def sign_node(self, csr_pem: str, node: str, now: datetime) -> tuple[str, str]:
        """A certificate for ``node``: (PEM, fingerprint). Of the request only the key counts. Raises Invalid."""
        certificate = self._sign(
            subject=node,
            key=_requested_key(csr_pem),
            alternative=[x509.DNSName(node), x509.UniformResourceIdentifier(NODE_URI + node)],
            usage=ExtendedKeyUsageOID.CLIENT_AUTH,
            valid=(now - CLOCK_SKEW, min(now + NODE_LIFE, self.certificate.not_valid_after_utc)),
        )
        return certificate.public_bytes(Encoding.PEM).decode(), fingerprint(certificate)

    def renew(self, now: datetime) -> bool:
        """Replace the server certificate when it ends within 30 days, or its names or authority are other ones.

        Contexts already handed out use the new one for their next connections.
        """
        if _still_serves(self._server_file, self._names, self.certificate, now):
            return False
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = self._sign(
            subject="mainstay controller",
            key=key.public_key(),
            alternative=[_general_name(name) for name in self._names],
            usage=ExtendedKeyUsageOID.SERVER_AUTH,
            valid=(now - CLOCK_SKEW, min(now + SERVER_LIFE, self.certificate.not_valid_after_utc)),
        )
        durable.write(self._server_file, _private_pem(key) + certificate.public_bytes(Encoding.PEM))
        for context in self._contexts:
            context.load_cert_chain(self._server_file)
        return True

    def api_context(self) -> ssl.SSLContext:
        """The server proves itself; the client does so by its token."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.load_cert_chain(self._server_file)
        self._contexts.append(context)
        return context

    def link_context(self) -> ssl.SSLContext:
        """Both sides prove themselves: nobody without a certificate of our authority gets as far as a frame."""
        context = self.api_context()
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(cadata=self.ca_pem)
        context.num_tickets = 0  # agents stay connected; sessions to resume would only cost memory
        return context

    def _sign(
        self,
        *,
        subject: str,
        key: CertificatePublicKeyTypes,
        alternative: Sequence[x509.GeneralName],
        usage: x509.ObjectIdentifier,
        valid: tuple[datetime, datetime],
    ) -> x509.Certificate:
        authority = x509.SubjectKeyIdentifier.from_public_key(self._key.public_key())
        return (
            x509.CertificateBuilder()
            .subject_name(_name(subject))
            .issuer_name(self.certificate.subject)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(valid[0])
            .not_valid_after(valid[1])
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_key_usage(signs_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
            .add_extension(x509.SubjectAlternativeName(alternative), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(authority), critical=False)
            .sign(self._key, hashes.SHA256())
        )


def fingerprint(certificate: x509.Certificate) -> str:
    """SHA-256 of the certificate's DER, hexadecimal."""
    return certificate.fingerprint(hashes.SHA256()).hex()


def authority_fingerprint(state: Path) -> str:
    """``sha256:HEX`` of the authority under ``state``. Raises NotFound."""
    try:
        certificate = x509.load_pem_x509_certificate((state / "ca" / "ca.pem").read_bytes())
    except FileNotFoundError:
        raise NotFound(f"{state}: no certificate authority yet; start the controller once") from None
    except (OSError, ValueError) as error:
        raise BrokenTrust(f"{state / 'ca' / 'ca.pem'}: cannot be read ({error}); restore it from a backup") from None
    return f"sha256:{fingerprint(certificate)}"


def identify(der: bytes) -> PeerIdentity | None:
    """Whose node certificate this is, one that TLS has verified already; None when it is not a node's."""
    certificate = x509.load_der_x509_certificate(der)
    try:
        alternative = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return None
    uris = alternative.get_values_for_type(x509.UniformResourceIdentifier)
    nodes = [uri.removeprefix(NODE_URI) for uri in uris if uri.startswith(NODE_URI)]
    return PeerIdentity(nodes[0], fingerprint(certificate)) if len(nodes) == 1 else None


def _requested_key(csr_pem: str) -> ec.EllipticCurvePublicKey:
    try:
        request = x509.load_pem_x509_csr(csr_pem.encode())
        key, signed = request.public_key(), request.is_signature_valid
    except (ValueError, UnsupportedAlgorithm, InvalidSignature):
        raise Invalid("csr: not a PEM certificate signing request") from None
    if not signed:
        raise Invalid("csr: its signature does not fit its key; make the request anew")
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ALLOWED_CURVES):
        raise Invalid("csr: its key must be an elliptic curve key, P-256 or P-384")
    return key


def _load_or_make_authority(directory: Path, now: datetime) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
    key_file, certificate_file = directory / "ca.key", directory / "ca.pem"
    if certificate_file.exists():
        return _load_authority(key_file, certificate_file)
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = _make_authority(key, now)
    durable.write(key_file, _private_pem(key))
    durable.write(certificate_file, certificate.public_bytes(Encoding.PEM), durable.PUBLIC)  # last: makes it valid
    return key, certificate


def _load_authority(key_file: Path, certificate_file: Path) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
    mend = f"restore {key_file.parent} from a backup, or remove it and let every node join again"
    try:
        key = load_pem_private_key(key_file.read_bytes(), password=None)
        certificate = x509.load_pem_x509_certificate(certificate_file.read_bytes())
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise BrokenTrust(f"{key_file.parent}: the authority's files cannot be read ({error}); {mend}") from None
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.public_key() != certificate.public_key():
        raise BrokenTrust(f"{key_file}: not the key of {certificate_file.name}; {mend}")
    return key, certificate


def _make_authority(key: ec.EllipticCurvePrivateKey, now: datetime) -> x509.Certificate:
    public = key.public_key()
    # the serial number in the name: authorities of two clusters are never mistaken for each other
    serial = x509.random_serial_number()
    name = _name(f"mainstay authority {serial % 2**32:08x}")
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(public)
        .serial_number(serial)
        .not_valid_before(now - CLOCK_SKEW)
        .not_valid_after(now + AUTHORITY_LIFE)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(signs_certificates=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .sign(key, hashes.SHA256())
    )


def _still_serves(file: Path, names: Sequence[str], authority: x509.Certificate, now: datetime) -> bool:
    try:
        certificate = x509.load_pem_x509_certificate(file.read_bytes())
        certificate.verify_directly_issued_by(authority)
        alternative = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (OSError, ValueError, TypeError, InvalidSignature, x509.ExtensionNotFound):
        return False
    lasts = certificate.not_valid_after_utc - now >= RENEW_BEFORE
    return lasts and set(alternative) == {_general_name(name) for name in names}


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _private_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

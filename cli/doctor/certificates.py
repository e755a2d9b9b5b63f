"""Certificates: for whom, by whom, how long."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.x509.oid import NameOID

from cli.doctor.finding import Seen, fail, ok, warn

SOON = timedelta(days=30)


def look(file: Path, authority: Path, names: Sequence[str], now: datetime, mend: str) -> Seen:
    """The first certificate of ``file`` is of ``authority`` and valid for all of ``names``. Raises OSError."""
    try:
        certificate = x509.load_pem_x509_certificate(_certificate(file))
        certificate.verify_directly_issued_by(x509.load_pem_x509_certificate(authority.read_bytes()))
    except (ValueError, TypeError, InvalidSignature):
        return fail(f"{file} is no certificate of the authority in {authority}", mend)
    if missing := sorted(set(names) - _names(certificate)):
        return fail(f"{file} is not for {', '.join(missing)}", mend)
    return lasting(certificate.not_valid_after_utc, now, mend)


def lasting(until: datetime, now: datetime, mend: str) -> Seen:
    text = f"valid until {until:%Y-%m-%d}"
    if until <= now:
        return fail(f"over since {until:%Y-%m-%d}", mend)
    return warn(text, mend) if until - now < SOON else ok(text)


def _certificate(file: Path) -> bytes:
    """Without the private key that the controller keeps in the same file."""
    text = file.read_bytes()
    return text[max(text.find(b"-----BEGIN CERTIFICATE-----"), 0) :]


def _names(certificate: x509.Certificate) -> set[str]:
    common = {str(each.value) for each in certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)}
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return common
    addresses = {str(each) for each in found.get_values_for_type(x509.IPAddress)}
    return common | addresses | set(found.get_values_for_type(x509.DNSName))

"""What the agent's tests share: time in hand, a spool on disk, certificates made on the spot."""

import asyncio
import ipaddress
import ssl
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from agent.database import Database
from agent.faults.log import FaultLog
from agent.identity import Identity
from agent.memory import OrderMemory
from agent.outbox import Outbox
from agent.spool import Spool

DEADLINE_S = 15.0


class HandClock:
    """Time moves when the test says so."""

    def __init__(self) -> None:
        self.seconds = 1000.0
        self.start = datetime(2026, 1, 1, tzinfo=UTC)

    def boottime(self) -> float:
        return self.seconds

    def utc(self) -> datetime:
        return self.start + timedelta(seconds=self.seconds - 1000.0)


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def run() -> Callable[[Coroutine[Any, Any, Any]], Any]:
    """Runs a coroutine to its end, within the deadline."""
    return lambda work: asyncio.run(asyncio.wait_for(work, DEADLINE_S))


@pytest.fixture
def database(tmp_path: Path) -> Database:
    opened = Database(tmp_path / "agent.db")
    yield opened
    opened.close()


@pytest.fixture
def spool(database: Database) -> Spool:
    return Spool(database)


@pytest.fixture
def order_memory(database: Database, spool: Spool) -> OrderMemory:
    return OrderMemory(database, spool)


@pytest.fixture
def fault_log(database: Database, spool: Spool) -> FaultLog:
    return FaultLog(database, spool)


@pytest.fixture
def outbox(spool: Spool, order_memory: OrderMemory, fault_log: FaultLog) -> Outbox:
    return Outbox(spool, order_memory, fault_log)


@dataclass
class Authority:
    """A CA of the test's own."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @property
    def pem(self) -> str:
        return _pem(self.certificate)

    @property
    def fingerprint(self) -> str:
        return "sha256:" + self.certificate.fingerprint(hashes.SHA256()).hex()

    def issue(self, name: str, key: ec.EllipticCurvePublicKey, address: str = "127.0.0.1") -> str:
        names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))])
        builder = _certificate(name, self.certificate.subject, key).add_extension(names, critical=False)
        return _pem(builder.sign(self.key, hashes.SHA256()))

    def server_context(self, place: Path, address: str = "127.0.0.1", clients: bool = True) -> ssl.SSLContext:
        key = ec.generate_private_key(ec.SECP256R1())
        (place / "server.pem").write_text(key_pem(key) + self.issue("controller", key.public_key(), address))
        (place / "ca.pem").write_text(self.pem)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.load_cert_chain(place / "server.pem")
        if clients:
            context.load_verify_locations(place / "ca.pem")
            context.verify_mode = ssl.CERT_REQUIRED
        return context

    def identity(self, node: str) -> Identity:
        key = ec.generate_private_key(ec.SECP256R1())
        return Identity(key_pem(key), self.issue(node, key.public_key()), self.pem, "127.0.0.1:1")


@pytest.fixture
def make_authority() -> Callable[[], Authority]:
    return _authority


@pytest.fixture(scope="session")
def authority() -> Authority:
    return _authority()


def _authority() -> Authority:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test CA")])
    builder = _certificate("test CA", name, key.public_key())
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    return Authority(key, builder.sign(key, hashes.SHA256()))


def _certificate(name: str, issuer: x509.Name, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=1))
        .not_valid_after(now + timedelta(hours=1))
    )


def key_pem(key: ec.EllipticCurvePrivateKey) -> str:
    encoding, shape = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    return key.private_bytes(encoding, shape, serialization.NoEncryption()).decode()


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()

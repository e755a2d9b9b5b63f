import ssl
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from controller.state.models import Base
from controller.state.store import Store
from controller.trust import Trust

NodeContext = Callable[[str], ssl.SSLContext]


@pytest.fixture
def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
def trust(tmp_path: Path, now: datetime) -> Trust:
    return Trust(tmp_path / "state", ["localhost", "127.0.0.1"], now)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(f"sqlite:///{tmp_path / 'controller.db'}")
    Base.metadata.create_all(store.engine)
    yield store
    store.close()


def csr(key: ec.EllipticCurvePrivateKey, subject: str = "whatever") -> str:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)])
    request = x509.CertificateSigningRequestBuilder().subject_name(name).sign(key, hashes.SHA256())
    return request.public_bytes(Encoding.PEM).decode()


@pytest.fixture
def make_csr() -> Callable[[str], str]:
    return lambda subject: csr(ec.generate_private_key(ec.SECP256R1()), subject)


@pytest.fixture
def node_context(trust: Trust, tmp_path: Path, now: datetime) -> NodeContext:
    """A client's TLS as an agent that joined under this name has it; each call is a new certificate."""
    return lambda node: client_context(trust, tmp_path, node, now)


def client_context(trust: Trust, directory: Path, node: str, now: datetime) -> ssl.SSLContext:
    key = ec.generate_private_key(ec.SECP256R1())
    certificate, _ = trust.sign_node(csr(key), node, now)
    file = directory / f"{node}.pem"
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    file.write_text(private + certificate)
    context = ssl.create_default_context(cadata=trust.ca_pem)
    context.load_cert_chain(file)
    return context

"""Who this node is: its key, its certificate and the only CA it trusts, below ``state_dir/identity``."""

import os
import shutil
import ssl
import tempfile
from pathlib import Path

import msgspec

from agent.errors import Invalid
from wire.names import HostPort

KEY, CERTIFICATE, CA, LINK = "key.pem", "certificate.pem", "ca.pem", "link"


class Identity(msgspec.Struct, frozen=True):
    """PEM. ``link`` is HOST:PORT of the controller that the node joined."""

    key: str
    certificate: str
    ca: str
    link: str


def store(state_dir: Path, identity: Identity) -> None:
    """Replace the node's identity as a whole: a crash leaves the old one or the new one, on disk."""
    state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    staging = Path(tempfile.mkdtemp(prefix="identity.", dir=state_dir))
    contents = ((KEY, identity.key), (CERTIFICATE, identity.certificate), (CA, identity.ca), (LINK, identity.link))
    for name, text in contents:
        _write(staging / name, text)
    _sync(staging)
    shutil.rmtree(_complete(state_dir), ignore_errors=True)
    staging.rename(_complete(state_dir))
    _sync(state_dir)
    _promote(state_dir)


def directory(state_dir: Path) -> Path:
    """Where the identity lies. Raises Invalid when the node has none."""
    _promote(state_dir)
    place = state_dir / "identity"
    if not all((place / name).is_file() for name in (KEY, CERTIFICATE, CA, LINK)):
        raise Invalid(f"{place}: this node has no identity; run `mainstay-agent join` first")
    return place


def read_link(state_dir: Path) -> HostPort:
    """The link of the controller that was joined. Raises Invalid when it is none."""
    path = directory(state_dir) / LINK
    try:
        return msgspec.convert(path.read_text("ascii").strip(), HostPort)
    except (UnicodeDecodeError, msgspec.ValidationError):
        raise Invalid(f"{path}: not HOST:PORT; name controllers in the configuration, or join again") from None


def client_context(state_dir: Path) -> ssl.SSLContext:
    """TLS 1.3, this node's certificate, no CA but its own, the peer's name checked."""
    place = directory(state_dir)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    try:
        context.load_verify_locations(place / CA)
        context.load_cert_chain(place / CERTIFICATE, place / KEY)
    except (ssl.SSLError, OSError) as error:
        raise Invalid(f"{place}: cannot be used ({error}); run `mainstay-agent join` again") from None
    return context


def _complete(state_dir: Path) -> Path:
    """An identity that is whole but not yet in its place."""
    return state_dir / "identity.new"


def _promote(state_dir: Path) -> None:
    if not _complete(state_dir).is_dir():
        return
    shutil.rmtree(state_dir / "identity", ignore_errors=True)
    _complete(state_dir).rename(state_dir / "identity")
    _sync(state_dir)


def _write(path: Path, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _sync(directory_: Path) -> None:
    descriptor = os.open(directory_, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

"""How a node gets its identity: a CA known by its fingerprint, a short-lived token, a key that stays on the node."""

import hmac
import ssl

import httpx
import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from agent.errors import Invalid, Permanent, Refused, Unreachable
from agent.identity import Identity
from wire.api import ErrorResponse, JoinRequest, JoinResponse

TIMEOUT_S = 10.0
MAX_ANSWER_BYTES = 64 * 1024


def join(api: str, node: str, token: str, fingerprint: str) -> Identity:
    """Ask the controller at ``api`` (HOST:PORT) for a certificate in the node's name.

    ``fingerprint`` is "sha256:HEX" of the CA's DER. Raises Invalid, Refused or Unreachable; nothing is stored here.
    """
    expected = parse_fingerprint(fingerprint)
    ca = _fetch_ca(api, expected)
    key = ec.generate_private_key(ec.SECP256R1())
    answer = _ask(api, ca, token, JoinRequest(node, _signing_request(key, node)))
    _check(answer, ca, key)
    return Identity(_pem(key), answer.certificate, _pem_of(ca), answer.link)


def parse_fingerprint(text: str) -> bytes:
    algorithm, _, digits = text.strip().partition(":")
    try:
        digest = bytes.fromhex(digits)
    except ValueError:
        digest = b""
    if algorithm != "sha256" or len(digest) != hashes.SHA256.digest_size:
        raise Invalid(f"--ca-fingerprint {text!r}: not of the form sha256: and 64 hexadecimal digits; copy it whole")
    return digest


def _fetch_ca(api: str, expected: bytes) -> x509.Certificate:
    """What an untrusted connection brings is believed for its fingerprint alone."""
    context = _context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    body = _call(api, context, "GET", "/v1/ca")
    try:
        ca = x509.load_pem_x509_certificate(body)
    except ValueError:
        raise Invalid(f"https://{api}/v1/ca: no certificate came back; is --api the controller's API?") from None
    if not hmac.compare_digest(ca.fingerprint(hashes.SHA256()), expected):
        raise Refused(
            f"https://{api}: its CA has the fingerprint sha256:{ca.fingerprint(hashes.SHA256()).hex()}, "
            "which is not the one given; somebody is in between, or --ca-fingerprint is of another controller"
        )
    return ca


def _ask(api: str, ca: x509.Certificate, token: str, request: JoinRequest) -> JoinResponse:
    context = _context()
    context.load_verify_locations(cadata=_pem_of(ca))
    body = _call(api, context, "POST", "/v1/join", token, msgspec.json.encode(request))
    try:
        return msgspec.json.decode(body, type=JoinResponse)
    except msgspec.MsgspecError as error:
        raise Permanent(f"https://{api}/v1/join: an answer that is none: {error}") from None


def _call(
    api: str, context: ssl.SSLContext, method: str, path: str, token: str | None = None, content: bytes | None = None
) -> bytes:
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
    try:
        with (
            httpx.Client(verify=context, timeout=TIMEOUT_S, trust_env=False) as client,
            client.stream(method, f"https://{api}{path}", headers=headers, content=content) as response,
        ):
            body = _read_bounded(response)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise Unreachable(
            f"https://{api}: {error or type(error).__name__}; is the controller up, --api right?"
        ) from None
    if response.status_code >= httpx.codes.BAD_REQUEST:
        raise _refusal(api, response.status_code, body)
    return body


def _read_bounded(response: httpx.Response) -> bytes:
    body = b""
    for chunk in response.iter_bytes():
        body += chunk
        if len(body) > MAX_ANSWER_BYTES:
            raise Permanent(f"{response.url}: an answer of more than {MAX_ANSWER_BYTES} bytes; is --api right?")
    return body


def _refusal(api: str, status: int, body: bytes) -> Permanent:
    try:
        text = msgspec.json.decode(body, type=ErrorResponse).error
    except msgspec.MsgspecError:
        text = f"HTTP {status}"
    kind = Invalid if status == httpx.codes.BAD_REQUEST else Refused
    return kind(f"https://{api}: {text}")


def _check(answer: JoinResponse, ca: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> None:
    """Store nothing that would not work."""
    try:
        certificate = x509.load_pem_x509_certificate(answer.certificate.encode())
        certificate.verify_directly_issued_by(ca)
    except Exception as error:  # cryptography raises several unrelated kinds
        raise Permanent(f"the certificate that came back is not of this CA: {error or type(error).__name__}") from None
    if certificate.public_key() != key.public_key():
        raise Permanent("the certificate that came back is for another key; join again")


def _context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    return context


def _signing_request(key: ec.EllipticCurvePrivateKey, node: str) -> str:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, node)])
    request = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, hashes.SHA256())
    return request.public_bytes(serialization.Encoding.PEM).decode()


def _pem(key: ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


def _pem_of(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()

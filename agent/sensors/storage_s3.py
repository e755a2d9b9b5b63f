"""S3 and what speaks like it (MinIO, Ceph, ...): whether a bucket can be listed with the credentials that are given."""

from itertools import islice
from typing import Annotated, Any
from urllib.parse import urlsplit

import msgspec

from agent.sensors import Host, Source
from agent.sensors.storage.asking import Watch
from agent.sensors.storage.failures import Denied, NotThere
from agent.sensors.storage.families import families
from agent.sensors.storage.reading import Facts, Reading
from agent.sensors.storage.targets import ProbeOptions, Servers, Target, checked, password
from wire.names import END, AbsolutePath, form

__all__ = ["Options", "Reading", "attach", "metrics"]

metrics = families
DENIED = {"AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken"}
ABSENT = {"NoSuchBucket", "PermanentRedirect"}


class S3Server(Target, frozen=True, kw_only=True):
    """``url`` is the endpoint's. What is listed is ``bucket`` below ``prefix``, in ``region``. ``secret_key_file`` has
    nothing but the secret key. Without an ``access_key`` the bucket must be public. The key needs s3:ListBucket.
    ``ca_file``: where https is not proven by the system's CAs."""

    url: Annotated[str, form(r"^https?://[A-Za-z0-9.:_\[\]-]+/?" + END, "http(s)://HOST[:PORT]")]
    bucket: Annotated[str, msgspec.Meta(min_length=3, max_length=63)]
    prefix: str = ""
    region: str = "us-east-1"
    access_key: str = ""
    secret_key_file: AbsolutePath | None = None
    ca_file: AbsolutePath | None = None


class Options(ProbeOptions, frozen=True):
    servers: Servers[S3Server] = ()

    def __post_init__(self) -> None:
        checked(self.servers, self.deadline_s)


def attach(options: Options, _host: Host) -> Source:
    return Watch("s3", options.servers, ask)


def ask(server: S3Server) -> Facts:
    """Lists the bucket, no further than its first page."""
    from minio import Minio
    from minio.error import S3Error

    endpoint = urlsplit(server.url)
    pool = _pool(server)
    client = Minio(
        endpoint=endpoint.netloc,
        access_key=server.access_key or None,
        secret_key=password(server.secret_key_file) or None,
        secure=endpoint.scheme == "https",
        region=server.region,
        http_client=pool,
    )
    try:
        list(islice(client.list_objects(bucket_name=server.bucket, prefix=server.prefix), 1))
    except S3Error as error:
        raise _plain(error) from error
    finally:
        pool.clear()
    return Facts()


def _pool(server: S3Server) -> Any:
    import urllib3

    secure = {"cert_reqs": "CERT_REQUIRED", "ca_certs": server.ca_file} if server.ca_file else {}
    return urllib3.PoolManager(timeout=urllib3.Timeout(total=server.within_s), retries=False, **secure)


def _plain(error: Any) -> Exception:
    text = f"{error.code}: {error.message}"
    if error.code in DENIED:
        return Denied(text)
    return NotThere(text) if error.code in ABSENT else ConnectionError(text)

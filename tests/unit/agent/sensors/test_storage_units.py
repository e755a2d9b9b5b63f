"""What the probes of storage services share, without a server."""

import re
import shutil
import ssl
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from agent.config import parse
from agent.errors import Invalid
from agent.sensors import Host, discover, storage_hdfs, storage_redis, storage_s3
from agent.sensors.storage import oncrpc
from agent.sensors.storage.failures import Denied, NotThere, cause_of, text_of
from agent.sensors.storage.families import families
from agent.sensors.storage.reading import Cause, Facts, Reading, Role, Server
from agent.sensors.storage.targets import ConfigurationWrong, password

PROBES = sorted(name for name in discover() if name.startswith("storage_") or name == "ssh_service")
HEAD = 'node = "n1"\naddress = "10.0.0.1"\n'


def wrapped(error: Exception) -> Exception:
    """As the libraries do."""
    try:
        try:
            raise error
        except Exception as inner:
            raise RuntimeError("can't connect") from inner
    except RuntimeError as outer:
        return outer


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (ConnectionRefusedError(111, "no"), Cause.REFUSED),
        (TimeoutError("x"), Cause.TIMEOUT),
        (OSError(113, "no route"), Cause.UNREACHABLE),
        (ssl.SSLError("bad"), Cause.TLS),
        (Denied("you?"), Cause.AUTHENTICATION),
        (NotThere("nothing"), Cause.NOT_THERE),
        (ConfigurationWrong("file"), Cause.CONFIGURATION),
        (ModuleNotFoundError("No module", name="redis.backoff"), Cause.LIBRARY_MISSING),
        (wrapped(ConnectionRefusedError(111, "no")), Cause.REFUSED),
        (Exception(1, ConnectionRefusedError(111, "no")), Cause.REFUSED),
        (Exception('FATAL: no pg_hba.conf entry for host "10.0.0.1", no encryption'), Cause.AUTHENTICATION),
        (Exception("server does not support SSL, but SSL was required"), Cause.TLS),
        (Exception("connection timeout expired"), Cause.TIMEOUT),
        (Exception("gibberish"), Cause.PROTOCOL),
    ],
)
def test_causes(error: Exception, cause: Cause) -> None:
    assert cause_of(error) is cause


def test_a_missing_library_names_the_extra() -> None:
    assert text_of(ModuleNotFoundError("No module", name="redis.backoff")) == (
        "redis is not installed: pip install 'mainstay[probes]'"
    )
    assert len(text_of(Exception("x\n" * 500))) == 200


def test_a_probe_without_its_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "redis", None)
    options = storage_redis.Options(servers=(storage_redis.RedisServer(name="main", host="127.0.0.1"),))
    reading = storage_redis.attach(options, Host()).read()
    assert isinstance(reading, Reading)
    assert (reading.servers[0].cause, "mainstay[probes]" in reading.servers[0].error) == (Cause.LIBRARY_MISSING, True)


@pytest.mark.parametrize("name", PROBES)
def test_no_server_no_probe(name: str) -> None:
    found = discover()[name]
    assert found.attach is not None
    assert found.attach(found.options(), Host()).read() is None


@pytest.mark.parametrize(
    ("table", "names"),
    [
        ('[[sensors.storage_redis.servers]]\nname = "a"\n', "host"),
        ('[[sensors.storage_redis.servers]]\nname = "a"\nhost = "h"\npassword = "x"\n', "password"),
        ('[[sensors.storage_redis.servers]]\nname = "a"\nhost = "h"\nwithin_s = 20\n', "within_s"),
        ('[[sensors.storage_redis.servers]]\nname = "a"\nhost = "h"\n' * 2, "two servers are named a"),
        ('[[sensors.storage_s3.servers]]\nname = "a"\nbucket = "abc"\nurl = "s3.example"\n', "url"),
    ],
)
def test_a_mistake_is_named(table: str, names: str) -> None:
    with pytest.raises(Invalid, match=names):
        parse(HEAD + table, "agent.toml")


def test_a_configuration() -> None:
    text = HEAD + '[[sensors.storage_redis.servers]]\nname = "a"\nhost = "h"\nwanted = "primary"\n'
    options = msgspec.convert(parse(text, "agent.toml").sensors["storage_redis"], storage_redis.Options)
    assert options.servers == (storage_redis.RedisServer(name="a", host="h", wanted=Role.PRIMARY),)


def test_the_password_file(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("secret\n")
    file.chmod(0o640)
    assert password(str(file)) == "secret"
    assert password(None) == ""
    file.chmod(0o644)
    with pytest.raises(ConfigurationWrong, match="chmod"):
        password(str(file))


@pytest.mark.parametrize(
    "reply",
    [
        b"",
        b"\0\0\0\1",
        b"\0\0\0\0",
        b"\0\0\0\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1",
        b"\0\0\0\1\0\0\0\0\0\0\0\0\0\0\xff\xff",
    ],
)
def test_what_is_no_reply_of_onc_rpc(reply: bytes) -> None:
    with pytest.raises(ConnectionError):
        oncrpc._result(oncrpc.Reader(reply))


def test_hdfs_and_s3_need_a_url() -> None:
    for kind, table in (
        (storage_hdfs.HdfsServer, {"url": "ftp://x"}),
        (storage_s3.S3Server, {"url": "x", "bucket": "abc"}),
    ):
        with pytest.raises(msgspec.ValidationError, match="url"):
            msgspec.convert({"name": "a", **table}, kind)


def test_the_metrics_are_clean() -> None:
    facts: dict[str, Any] = {name: 1 for name in Facts.__struct_fields__ if name not in ("version", "role")}
    well = Server(service="hdfs", name="a", seconds=0.1, facts=Facts(**facts))
    ours = Server(service="hdfs", name="c", cause=Cause.LIBRARY_MISSING)
    found = list(families(Reading([well, Server(service="hdfs", name="b", cause=Cause.REFUSED), ours])))
    assert [labels for labels, _ in found[0].samples] == [{"name": "a"}, {"name": "b"}]
    assert len(found) == 14
    assert list(families(Reading([]))) == []
    text = "".join(f"# HELP {each.name} {each.help}\n# TYPE {each.name} {each.kind}\n{each.name} 1\n" for each in found)
    assert re.search("^mainstay_hdfs_replication_lag_seconds", text, re.MULTILINE)
    if promtool := shutil.which("promtool"):
        said = subprocess.run([promtool, "check", "metrics"], input=text, text=True, capture_output=True, timeout=30)
        assert (said.returncode, said.stderr) == (0, "")

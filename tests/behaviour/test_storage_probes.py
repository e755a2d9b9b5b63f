"""Probes of storage services against the services themselves, each with its own protocol."""

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import boto3
import msgspec
import pytest
from fakes.deadline import eventually
from fakes.mongo_member import mongo_member
from fakes.name_node import name_node
from fakes.nfs_server import nfs_server
from fakes.postgres import PostgresServer, find_binaries, running_replica, running_server
from fakes.storage_servers import (
    ADDRESS,
    PASSWORD,
    Running,
    find_ganesha,
    free_port,
    mariadb_server,
    nfs4_server,
    redis_server,
    ssh_server,
)
from moto.server import ThreadedMotoServer

from agent.sensors import (
    Host,
    ssh_service,
    storage_hdfs,
    storage_mongodb,
    storage_mysql,
    storage_nfs,
    storage_postgresql,
    storage_redis,
    storage_s3,
)
from agent.sensors.storage.reading import Cause, Role, Server


def asked(probe: ModuleType, **server: Any) -> Server:
    """One look at one server."""
    found = asked_all(probe, {"name": "it", **server})
    return found[0]


def asked_all(probe: Any, *servers: dict[str, Any]) -> list[Server]:
    options = msgspec.convert({"servers": servers}, probe.Options)
    reading = probe.attach(options, Host()).read()
    return list(reading.servers)


@pytest.fixture
def password_file(tmp_path: Path) -> str:
    return secret(tmp_path / "password", PASSWORD)


def secret(file: Path, text: str) -> str:
    file.write_text(f"{text}\n")
    file.chmod(0o600)
    return str(file)


# PostgreSQL


@pytest.fixture(scope="module")
def postgres() -> Iterator[PostgresServer]:
    binaries = find_binaries()
    if binaries is None:
        pytest.skip("no PostgreSQL on this machine; as root: apt-get install postgresql")
    with running_server(binaries) as server:
        server.run(f"CREATE ROLE probe LOGIN PASSWORD '{PASSWORD}'")
        rules = "local all probe scram-sha-256\nlocal all all trust\nlocal replication all trust\n"
        (server.folder / "data" / "pg_hba.conf").write_text(rules)
        server.run("SELECT pg_reload_conf()")
        eventually(lambda: asked(storage_postgresql, host=str(server.folder), user="probe").cause, "rules are in force")
        yield server


def test_postgresql_answers_a_query(postgres: PostgresServer, password_file: str) -> None:
    found = asked(storage_postgresql, host=str(postgres.folder), user="probe", password_file=password_file)
    assert found.cause is Cause.NONE, found.error
    assert (found.facts.role, found.facts.read_only) == (Role.PRIMARY, False)
    assert found.facts.connections is not None
    assert found.facts.connections_most == 97


@pytest.mark.parametrize(
    ("settings", "cause"),
    [
        ({}, Cause.AUTHENTICATION),
        ({"user": "stranger"}, Cause.AUTHENTICATION),
        ({"user": "mainstay", "database": "elsewhere"}, Cause.NOT_THERE),
        ({"user": "mainstay", "port": 5433}, Cause.REFUSED),
        ({"host": ADDRESS, "port": free_port()}, Cause.REFUSED),
        ({"host": "no-such-host.invalid"}, Cause.UNREACHABLE),
    ],
)
def test_postgresql_tells_why_not(postgres: PostgresServer, settings: dict[str, Any], cause: Cause) -> None:
    found = asked(storage_postgresql, **{"host": str(postgres.folder), "user": "probe"} | settings)
    assert found.cause is cause, found.error


def test_a_replica_of_postgresql_tells_that_it_follows(postgres: PostgresServer) -> None:
    binaries = find_binaries()
    assert binaries is not None
    with running_replica(binaries, postgres) as replica:

        def following() -> Server | None:
            found = asked(storage_postgresql, host=str(replica.folder))
            return found if found.facts.replicating and found.facts.lag_s == 0.0 else None

        found = eventually(following, "the replica follows", within_s=30)
        assert (found.facts.role, found.facts.read_only) == (Role.REPLICA, True)


# MariaDB


@pytest.fixture(scope="module")
def mariadb() -> Iterator[Running]:
    with mariadb_server() as server:
        yield server


def test_mariadb_answers_a_query(mariadb: Running, password_file: str) -> None:
    found = asked(storage_mysql, host=mariadb.host, port=mariadb.port, password_file=password_file)
    assert found.cause is Cause.NONE, found.error
    assert "MariaDB" in found.facts.version
    assert (found.facts.role, found.facts.read_only, found.facts.connections_most) == (Role.UNKNOWN, False, 151)


@pytest.mark.parametrize(
    ("settings", "cause"),
    [
        ({"password_file": None}, Cause.AUTHENTICATION),
        ({"port": free_port()}, Cause.REFUSED),
        ({"database": "elsewhere"}, Cause.AUTHENTICATION),  # it does not tell a stranger that there is none
        ({"tls": True}, Cause.TLS),
        ({"password_file": "/no/such/file"}, Cause.CONFIGURATION),
    ],
)
def test_mariadb_tells_why_not(mariadb: Running, password_file: str, settings: dict[str, Any], cause: Cause) -> None:
    usual = {"host": mariadb.host, "port": mariadb.port, "password_file": password_file}
    found = asked(storage_mysql, **usual | settings)
    assert found.cause is cause, found.error
    assert PASSWORD not in found.error


def test_a_replica_of_mariadb_tells_when_its_primary_is_gone(mariadb: Running, password_file: str) -> None:
    with mariadb_server(2, "--read-only=1") as replica:
        follow(mariadb, replica)
        usual = {"host": replica.host, "port": replica.port, "user": "watcher", "password_file": password_file}

        def told(replicating: bool) -> Server | None:
            found = asked(storage_mysql, **usual)
            return found if found.facts.replicating is replicating else None

        found = eventually(lambda: told(True), "the replica follows", within_s=30)
        assert (found.facts.role, found.facts.read_only, found.facts.lag_s) == (Role.REPLICA, True, 0.0)

        run_sql(replica, "STOP SLAVE")
        assert eventually(lambda: told(False), "the replica stopped", within_s=30).facts.lag_s is None


def follow(primary: Running, replica: Running) -> None:
    where = f"MASTER_HOST='{primary.host}', MASTER_PORT={primary.port}, MASTER_USER='watcher'"
    run_sql(replica, f"CHANGE MASTER TO {where}, MASTER_PASSWORD='{PASSWORD}', MASTER_USE_GTID=slave_pos")
    run_sql(replica, "START SLAVE")


def run_sql(server: Running, statement: str) -> None:
    """As root, whom MariaDB knows by the Unix socket."""
    import pymysql

    with (
        pymysql.connect(unix_socket=f"{server.folder}/s", user="root") as connection,
        connection.cursor() as cursor,
    ):
        cursor.execute(statement)


# Redis


def test_redis_and_its_replica() -> None:
    with redis_server("--maxmemory", "64mb") as primary:
        follows = ("--replicaof", f"{primary.host} {primary.port}")
        with redis_server(*follows) as replica:

            def following() -> Server | None:
                found = asked(storage_redis, host=replica.host, port=replica.port)
                return found if found.facts.replicating else None

            found = eventually(following, "the replica follows", within_s=30)
            assert (found.facts.role, found.facts.read_only) == (Role.REPLICA, True)
        found = asked(storage_redis, host=primary.host, port=primary.port)
        assert (found.facts.role, found.facts.bytes_most) == (Role.PRIMARY, 64 * 2**20)
        assert 0 < (found.facts.bytes_used or 0) < 64 * 2**20
        assert (found.facts.connections or 0) > 0


def test_redis_wants_a_password(password_file: str) -> None:
    with redis_server("--requirepass", PASSWORD) as server:
        assert asked(storage_redis, host=server.host, port=server.port).cause is Cause.AUTHENTICATION
        told = asked(storage_redis, host=server.host, port=server.port, password_file=password_file)
        assert told.cause is Cause.NONE, told.error
        os.chmod(password_file, 0o644)
        open_to_all = asked(storage_redis, host=server.host, port=server.port, password_file=password_file)
        assert open_to_all.cause is Cause.CONFIGURATION
        assert "chmod" in open_to_all.error


def test_a_service_that_is_another_one() -> None:
    with ssh_server() as server:
        assert asked(storage_redis, host=server.host, port=server.port).cause is Cause.PROTOCOL
    with redis_server() as server:
        assert asked(ssh_service, host=server.host, port=server.port, within_s=2.0).cause in (
            Cause.PROTOCOL,
            Cause.TIMEOUT,
        )


# One that hangs


def test_a_server_that_hangs_hides_no_other() -> None:
    with redis_server() as well, redis_server() as sick:
        options = storage_redis.Options(
            servers=(
                storage_redis.RedisServer(name="sick", host=sick.host, port=sick.port, within_s=1.0),
                storage_redis.RedisServer(name="well", host=well.host, port=well.port),
            )
        )
        watch = storage_redis.attach(options, Host())
        with sick.hanging():
            began = time.monotonic()
            first = watch.read()
            assert time.monotonic() - began < options.deadline_s
            assert [server.cause for server in servers(first)] == [Cause.TIMEOUT, Cause.NONE]
            assert servers(watch.read())[0].cause is Cause.TIMEOUT
        eventually(lambda: not servers(watch.read())[0].cause, "it answers again", within_s=30)


def test_a_server_that_hangs_for_good_costs_one_thread(postgres: PostgresServer) -> None:
    with redis_server() as sick:
        forever = storage_postgresql.PostgresqlServer(name="x", host=sick.host, port=sick.port, within_s=0.2)
        watch = storage_postgresql.attach(storage_postgresql.Options(servers=(forever,)), Host())
        with sick.hanging():
            for _ in range(5):
                assert servers(watch.read())[0].cause is Cause.TIMEOUT
            assert sum(thread.name == "ask-x" for thread in threading.enumerate()) == 1


def servers(reading: Any) -> list[Server]:
    return list(reading.servers)


# SSH


def test_sshd_agrees_on_a_key() -> None:
    with ssh_server() as server:
        right = server.facts["fingerprint"]
        found = asked(ssh_service, host=server.host, port=server.port, fingerprint=right)
        assert found.cause is Cause.NONE, found.error
        assert "OpenSSH" in found.facts.version
        other = asked(ssh_service, host=server.host, port=server.port, fingerprint="SHA256:other")
        assert other.cause is Cause.NOT_THERE
        assert right in other.error
        with server.hanging():
            assert asked(ssh_service, host=server.host, port=server.port, within_s=1.0).cause is Cause.TIMEOUT
    assert asked(ssh_service, host=server.host, port=server.port).cause is Cause.REFUSED


# S3


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.65", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    url = f"http://{host}:{port}"
    keys = {"aws_access_key_id": "reader", "aws_secret_access_key": "secret", "region_name": "us-east-1"}
    client = boto3.client("s3", endpoint_url=url, **keys)
    client.create_bucket(Bucket="checkpoints")
    for number in range(3):
        client.put_object(Bucket="checkpoints", Key=f"lm/{number}", Body=b"weights")
    yield url
    server.stop()


def test_s3_lists_a_bucket(s3: str, tmp_path: Path) -> None:
    keys = {"access_key": "reader", "secret_key_file": secret(tmp_path / "key", "secret")}
    assert asked(storage_s3, url=s3, bucket="checkpoints", prefix="lm/", **keys).cause is Cause.NONE
    absent = asked(storage_s3, url=s3, bucket="elsewhere", **keys)
    assert absent.cause is Cause.NOT_THERE
    assert "NoSuchBucket" in absent.error
    assert asked(storage_s3, url=f"http://127.0.0.65:{free_port()}", bucket="abc").cause is Cause.REFUSED
    assert asked(storage_s3, url=s3.replace("http:", "https:"), bucket="abc").cause is Cause.TLS


# NFS


def test_a_real_nfs_server_answers() -> None:
    plugins = find_ganesha()
    if plugins is None:
        pytest.skip("no NFS-Ganesha here, or not root; as root: apt-get install nfs-ganesha-vfs")
    with nfs4_server(plugins) as server:
        found = asked(storage_nfs, host=server.host, port=server.port)
        assert (found.cause, found.facts.version) == (Cause.NONE, "NFS 4")
        with server.hanging():
            assert asked(storage_nfs, host=server.host, port=server.port, within_s=1.0).cause is Cause.TIMEOUT


def test_nfs_exports_what_it_should() -> None:
    with nfs_server(versions=[3], exports=["/scratch", "/home"]) as server:
        usual = {"host": "127.0.0.63", "port": server.port, "rpcbind_port": server.port}
        found = asked(storage_nfs, **usual, exports=("/scratch",))
        assert (found.cause, found.facts.version) == (Cause.NONE, "NFS 3")
        gone = asked(storage_nfs, **usual, exports=("/scratch", "/data"))
        assert (gone.cause, gone.error) == (Cause.NOT_THERE, "does not export /data")
    with nfs_server(versions=[2]) as server:
        assert asked(storage_nfs, host="127.0.0.63", port=server.port).cause is Cause.PROTOCOL


# Played by the tests: no server of these is to be had from Debian or PyPI


def test_mongodb() -> None:
    with mongo_member(primary=True) as primary, mongo_member(primary=False, behind_s=42.0) as secondary:
        first, second = (asked(storage_mongodb, host="127.0.0.62", port=member.port) for member in (primary, secondary))
        assert first.cause is Cause.NONE, first.error
        assert (first.facts.role, first.facts.read_only, first.facts.version) == (Role.PRIMARY, False, "8.0.4")
        assert (first.facts.connections, first.facts.connections_most) == (12, 100)
        assert (second.facts.role, second.facts.replicating, second.facts.lag_s) == (Role.REPLICA, True, 42.0)
    with mongo_member(primary=True, guarded=True) as guarded:
        found = asked(storage_mongodb, host="127.0.0.62", port=guarded.port)
        assert (found.cause, found.facts.connections) == (Cause.NONE, None)
    assert asked(storage_mongodb, host="127.0.0.62", port=guarded.port, within_s=3.0).cause is Cause.REFUSED


def test_hdfs() -> None:
    with name_node(NumDeadDataNodes=2, MissingBlocks=5, FSState="safeMode") as node:
        found = asked(storage_hdfs, url=node.url, folder="/check points")
        assert found.cause is Cause.NONE, found.error
        assert (found.facts.role, found.facts.safe_mode, found.facts.read_only) == (Role.PRIMARY, True, True)
        assert (found.facts.nodes_live, found.facts.nodes_dead, found.facts.blocks_missing) == (10, 2, 5)
        assert (found.facts.bytes_used, found.facts.bytes_most) == (40 * 10**12, 90 * 10**12)
        assert asked(storage_hdfs, url=node.url, folder="/elsewhere").cause is Cause.NOT_THERE
        assert asked(storage_hdfs, url=node.url, user="stranger").cause is Cause.AUTHENTICATION
    with name_node(standby=True) as node:
        assert asked(storage_hdfs, url=node.url).facts.role is Role.REPLICA
    assert asked(storage_hdfs, url=node.url).cause is Cause.REFUSED

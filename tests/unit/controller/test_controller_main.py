"""The controller's entry point, as a process of its own."""

import contextlib
import re
import selectors
import socket
import sqlite3
import ssl
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import msgspec
import pytest

DEADLINE_S = 30.0
READY = re.compile(r"^mainstay controller ready: api (https://\S+) link (\S+) epoch (\d+) ca (sha256:[0-9a-f]{64})$")


@pytest.fixture
def config(tmp_path: Path) -> Path:
    file = tmp_path / "controller.toml"
    file.write_text(
        f"""
        state_dir = "{tmp_path}/state"
        admin_user = "ann"
        [api]
        listen = "127.0.0.1:0"
        [link]
        listen = "127.0.0.1:0"
        """
    )
    return file


def command(*args: str) -> list[str]:
    return [sys.executable, "-m", "controller.main", *args]


def run(*args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(*args), capture_output=True, text=True, timeout=DEADLINE_S, check=False)


def fails(status: int, *args: str) -> str:
    """The one line on standard error."""
    done = run(*args)
    assert done.returncode == status, done
    assert done.stderr.count("\n") == 1, done.stderr
    return done.stderr


@contextmanager
def controller(config: Path) -> Iterator[tuple[subprocess.Popen[str], re.Match[str]]]:
    log = config.with_suffix(".log")
    with log.open("a") as errors:
        process = subprocess.Popen(
            command("run", "--config", str(config)), stdout=subprocess.PIPE, stderr=errors, text=True
        )
    try:
        ready = READY.match(first_line(process))
        assert ready, log.read_text()
        yield process, ready
    finally:
        process.kill()
        process.wait(timeout=DEADLINE_S)
        assert process.stdout is not None
        process.stdout.close()


def first_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        return process.stdout.readline().rstrip("\n") if selector.select(timeout=DEADLINE_S) else ""


def client(config: Path, url: str) -> httpx.Client:
    authority = ssl.create_default_context(cafile=str(config.parent / "state/ca/ca.pem"))
    token = (config.parent / "state/admin.token").read_text().strip()
    return httpx.Client(
        base_url=url, verify=authority, headers={"Authorization": f"Bearer {token}"}, timeout=DEADLINE_S
    )


def test_first_start_serves_with_its_own_authority_and_first_token(config: Path) -> None:
    with controller(config) as (process, ready):
        url, link, epoch, fingerprint = ready.groups()
        with client(config, url) as api:
            assert api.get("/v1/status").json()["epoch"] == int(epoch) == 1
        host, port = link.rsplit(":", 1)
        socket.create_connection((host, int(port)), timeout=DEADLINE_S).close()
        assert stat.S_IMODE((config.parent / "state/admin.token").stat().st_mode) == 0o600
        assert run("ca-fingerprint", "--config", str(config)).stdout.strip() == fingerprint
        assert "another controller runs" in fails(1, "run", "--config", str(config))
        process.terminate()
        assert process.wait(timeout=DEADLINE_S) == 0
    assert "Traceback" not in config.with_suffix(".log").read_text()


def test_killed_and_started_again_it_keeps_authority_and_tokens(config: Path) -> None:
    with controller(config) as (process, before):
        process.kill()
    with controller(config) as (_, after), client(config, after[1]) as api:
        assert after[4] == before[4]
        assert api.get("/v1/status").json()["epoch"] == 2


def test_it_stops_while_a_client_stays_connected(config: Path) -> None:
    with controller(config) as (process, ready), client(config, ready[1]) as api:
        assert api.get("/v1/nodes").json() == []
        asked_at = time.monotonic()
        process.terminate()
        assert process.wait(timeout=DEADLINE_S) == 0
        assert time.monotonic() - asked_at < 5


def test_token_made_on_the_machine_works_at_once(config: Path) -> None:
    assert "start the controller once" in fails(
        3, "token", "create", "--kind", "api", "--name", "bob", "--config", str(config)
    )
    with controller(config) as (_, ready), client(config, ready[1]) as api:
        made = run("token", "create", "--kind", "api", "--name", "bob", "--user", "bob", "--config", str(config))
        assert made.returncode == 0, made.stderr
        assert ready[4] in made.stderr
        answer = api.get("/v1/nodes", headers={"Authorization": f"Bearer {made.stdout.strip()}"})
        assert answer.status_code == 200
        line = fails(2, "token", "create", "--kind", "join", "--name", "N 1", "--config", str(config))
        assert "name: " in line


def test_wrong_config_is_one_line_and_status_2(config: Path) -> None:
    assert "ok" in run("config", "check", "--config", str(config)).stdout
    config.write_text("[api]\nlistn = '127.0.0.1:1'\n")
    for args in (("config", "check"), ("run",)):
        assert "controller.toml: api.listn: no such field" in fails(2, *args, "--config", str(config))
    assert not (config.parent / "state").exists()


def test_port_in_use_is_named(config: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        config.write_text(
            config.read_text().replace('[api]\n        listen = "127.0.0.1:0"', f'[api]\nlisten = "127.0.0.1:{port}"')
        )
        assert "api.listen: cannot listen on" in fails(1, "run", "--config", str(config))


def test_unusable_database_is_named_without_its_password(config: Path) -> None:
    config.write_text('database = "nonsense://ann:secret@host/db"\n' + config.read_text())
    line = fails(1, "run", "--config", str(config))
    assert "database: nonsense://ann:***@host/db cannot be used" in line


def test_it_tells_the_service_manager_how_it_stands(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", str(config.parent / "notify"))
    monkeypatch.setenv("WATCHDOG_USEC", "200000")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(config.parent / "notify"))
        manager.settimeout(DEADLINE_S)
        with controller(config) as (process, ready):
            status = f"STATUS=epoch 1, api {ready[1].removeprefix('https://')}, link {ready[2]}"
            wanted = {"READY=1", "WATCHDOG=1", status}
            while wanted:
                wanted.discard(manager.recv(4096).decode())
            process.terminate()
            while manager.recv(4096) != b"STOPPING=1":
                pass


def test_a_sample_is_what_it_takes(config: Path) -> None:
    done = run("config", "sample", "--set", 'names=["c1"]', "--set", "api.listen=10.0.0.1:7400")
    assert done.returncode == 0, done.stderr
    config.write_text(done.stdout)
    shown = msgspec.json.decode(run("config", "show", "--config", str(config)).stdout)
    assert (shown["names"], shown["api"]["listen"], shown["link"]["listen"]) == (
        ["c1"],
        "10.0.0.1:7400",
        "127.0.0.1:7401",
    )
    assert "names: " in fails(2, "config", "sample", "--set", "link.listen=0.0.0.0:7401")


def test_it_says_whether_its_database_is_right(config: Path) -> None:
    assert "start the controller once" in fails(3, "database", "--config", str(config))
    with controller(config):
        assert "as it should be" in run("database", "--config", str(config)).stdout
    with contextlib.closing(sqlite3.connect(config.parent / "state/controller.db")) as database:
        database.execute("UPDATE alembic_version SET version_num = 'other'")
        database.commit()
    assert "is at revision other" in fails(4, "database", "--config", str(config))

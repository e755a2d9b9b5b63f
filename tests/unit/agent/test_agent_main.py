"""``mainstay-agent`` as a person calls it: real processes."""

import json
import os
import signal
import socket
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from agent import daemon, identity
from agent.database import Database
from agent.main import to_run
from wire.conditions import Condition, Severity, Status


def call(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "agent.main", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=os.environ | environment,
    )


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "agent.toml"
    path.write_text(
        f'node = "n1"\naddress = "127.0.0.1"\ncontrollers = ["127.0.0.1:1"]\nstate_dir = "{tmp_path}/state"\n'
        "[thresholds.disk_full]\nwarning = 0.0\ncritical = 0.0\n[thresholds.memory_pressure]\nwarning = 0.0\n"
        "critical = 0.0\n[thresholds.cpu_overload]\nload_per_core = 1000.0\n"
    )
    return path


@pytest.mark.parametrize(
    ("arguments", "path"),
    [
        ("", "/etc/mainstay/agent.toml"),
        ("run", "/etc/mainstay/agent.toml"),
        ("--config x", "x"),
        ("--config x run", "x"),
        ("run --config x", "x"),
        ("--config run", "run"),
        ("run --config", None),
        ("--config --help", None),
        ("run --help", None),
        ("run run", None),
        ("check --config x", None),
        ("--config x run --config y", None),
    ],
)
def test_the_daemon_goes_without_the_commands_libraries(arguments: str, path: str | None) -> None:
    assert to_run(arguments.split()) == (path and Path(path))


def test_the_daemon_s_modules_are_few() -> None:
    """Each costs a node memory for as long as its agent runs."""
    code = "import sys, agent.main; print(*(set(sys.modules) & {'typer', 'pydantic', 'rich', 'httpx', 'cryptography'}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.split() == []


def test_the_prober_s_modules_are_few() -> None:
    """It runs beside the agent for as long."""
    code = "import sys, agent.prober.child, agent.sensors; agent.sensors.discover(); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    dear = {"asyncio", "hashlib", "http.client", "logging", "psutil", "pynvml", "ssl", "urllib.request", "websockets"}
    assert set(done.stdout.split()) & dear == set()


@pytest.mark.parametrize("arguments", [("run", "--help"), ("--help",), ("--config", "nowhere.toml", "run", "--help")])
def test_help(arguments: tuple[str, ...]) -> None:
    done = call(*arguments)
    assert done.returncode == 0
    assert "--config" in done.stdout


@pytest.mark.parametrize("arguments", [("run", "--colour"), ("--config",), ("run", "--config"), ("fly",)])
def test_words_it_does_not_know(arguments: tuple[str, ...]) -> None:
    done = call(*arguments)
    assert done.returncode == 2
    assert "Error: " in done.stderr


def test_a_good_configuration(config: Path) -> None:
    done = call("config", "check", "--config", str(config))
    assert (done.returncode, done.stdout) == (0, f"{config}: good\n")


def test_a_wrong_configuration_is_one_line(config: Path) -> None:
    config.write_text(config.read_text() + "colour = 1\n")
    done = call("--config", str(config), "config", "check")
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "colour" in done.stderr


def test_check_as_a_table_and_as_json(config: Path) -> None:
    """Of this machine, whatever it has: what is told is the same in each form."""
    shown = json.loads(call("check", "--config", str(config), "-o", "json").stdout)
    table = call("check", "--config", str(config), "-v")
    assert table.stdout.startswith("n1: "), table.stderr
    assert "\x1b" not in table.stdout
    assert {"MemoryPressure", "DiskFull"} <= {each["type"] for each in shown}
    assert all(each["type"] in table.stdout for each in shown)


def test_check_of_a_node_with_a_fault_for_a_person_and_for_a_scheduler(config: Path) -> None:
    config.write_text(
        config.read_text()
        + '[commands.own]\nargv = ["/bin/sh", "-c", "echo no scratch; exit 1"]\n'
        + 'condition = "Own"\nseverity = "critical"\nsuggested_action = "mount it"\n'
    )
    person = call("check", "--config", str(config))
    scheduler = call("check", "--config", str(config), "-o", "reason")
    assert (person.returncode, scheduler.returncode, scheduler.stdout.count("\n")) == (1, 1, 1)
    assert "CRITICAL  Own\n          command_failed: no scratch\n          -> mount it\n" in person.stdout
    assert "Own: no scratch" in scheduler.stdout
    assert call("check", "--config", str(config), "--quiet").stdout == ""


def test_what_hangs_is_unknown_in_time_and_no_reason_to_drain(config: Path) -> None:
    config.write_text(config.read_text() + '[commands.own]\nargv = ["/bin/sleep", "600"]\ncondition = "Own"\n')
    shown = json.loads(call("check", "--config", str(config), "--within", "3", "-o", "json").stdout)
    assert [each["status"] for each in shown if each["type"] == "Own"] == ["UNKNOWN"]
    assert "ProbeHung" not in {each["type"] for each in shown}


def test_check_tells_what_the_agent_was_told(config: Path, database: Database, tmp_path: Path) -> None:
    now = datetime.now(UTC)
    (tmp_path / "state").mkdir()
    told = Condition("XidFault", Status.TRUE, Severity.CRITICAL, "xid", "Xid 79", now, 1, now + timedelta(minutes=5))
    over = msgspec.structs.replace(told, type="OldFault", expires_at=now)
    with database.transaction() as connection:
        rows = [(each.type, msgspec.msgpack.encode(each)) for each in (told, over)]
        connection.executemany("INSERT INTO conditions VALUES (?, ?)", rows)
    config.write_text(config.read_text().replace(f"{tmp_path}/state", str(tmp_path)))  # where the database is

    done = call("check", "--config", str(config), "-o", "reason")

    assert "XidFault: Xid 79" in done.stdout
    assert "OldFault" not in done.stdout


def test_a_site_check_that_is_wrong_is_one_line(config: Path, tmp_path: Path) -> None:
    checks = tmp_path / "checks.d"
    checks.mkdir(mode=0o755)
    (checks / "own.py").write_text("def x(:")
    config.write_text(f'site_checks = "{checks}"\n' + config.read_text())
    done = call("config", "check", "--config", str(config))
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert f"{checks}/own.py:1: SyntaxError" in done.stderr


def test_running_before_joining_says_how(config: Path) -> None:
    done = call("run", "--config", str(config))
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "mainstay-agent join" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["--ca-fingerprint", "sha256:00", "--api", "127.0.0.1:1"], 2, "no token"),
        (["--ca-fingerprint", "sha256:00", "--api", "127.0.0.1:1", "--token", "t"], 2, "64 hexadecimal digits"),
        (["--ca-fingerprint", "sha256:" + "0" * 64, "--token", "t"], 2, "no --api"),
        (["--ca-fingerprint", "sha256:00", "--token-file", "/none"], 2, "--token-file /none"),
        (["--ca-fingerprint", "sha256:" + "0" * 64, "--api", "127.0.0.1:1", "--token", "t"], 1, "controller up"),
    ],
)
def test_a_join_that_cannot_work(config: Path, arguments: list[str], status: int, said: str) -> None:
    done = call("join", "--config", str(config), *arguments)
    assert (done.returncode, done.stderr.count("\n")) == (status, 1)
    assert said in done.stderr


def test_runs_alone_and_ends_on_sigterm(config: Path, authority: Any) -> None:
    state = config.parent / "state"
    identity.store(state, authority.identity("n1"))
    arguments = [sys.executable, "-m", "agent.main", "--config", str(config)]
    with subprocess.Popen(arguments, stderr=subprocess.PIPE, text=True) as agent:
        try:
            assert agent.stderr is not None
            assert "no link: 127.0.0.1:1" in agent.stderr.readline()
            second = call("run", "--config", str(config))
            assert (second.returncode, second.stderr.count("\n")) == (4, 1)
            assert "another agent runs" in second.stderr
            agent.send_signal(signal.SIGTERM)
            assert agent.wait(10) == 0
            assert agent.stderr.read() == ""
        finally:
            agent.kill()


def test_workers_cannot_lock_the_agent_out(tmp_path: Path) -> None:
    lock = tmp_path / "agent.lock"
    lock.touch(mode=0o644)
    with daemon._alone(tmp_path):
        assert lock.stat().st_mode & 0o077 == 0


def test_it_tells_the_service_manager_how_it_stands(config: Path, authority: Any) -> None:
    """Ready without any link: a node's parts are looked after with no controller in reach."""
    identity.store(config.parent / "state", authority.identity("n1"))
    address = str(config.parent / "notify")
    manager = {"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "200000"}
    arguments = [sys.executable, "-m", "agent.main", "--config", str(config)]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(address)
        listening.settimeout(30)
        with subprocess.Popen(arguments, env=os.environ | manager, stderr=subprocess.DEVNULL) as agent:
            try:
                wanted = {"READY=1", "WATCHDOG=1", "STATUS=no link to a controller; parts go on"}
                while wanted:
                    wanted.discard(listening.recv(4096).decode())
                agent.send_signal(signal.SIGTERM)
                while listening.recv(4096) != b"STOPPING=1":
                    pass
                assert agent.wait(10) == 0
            finally:
                agent.kill()


def test_a_sample_is_what_it_takes(config: Path) -> None:
    done = call("config", "sample", "--set", "node=n9", "--set", 'workers.users=["ada"]')
    assert done.returncode == 0, done.stderr
    config.write_text(done.stdout)
    shown = json.loads(call("config", "show", "--config", str(config)).stdout)
    assert (shown["node"], shown["workers"]["users"], shown["intervals"]["condition_life_s"]) == ("n9", ["ada"], 300.0)


@pytest.mark.parametrize("setting", ["node", "colour=1", "node=N9", "workers.users=ada"])
def test_a_wrong_setting_is_one_line(setting: str) -> None:
    done = call("config", "sample", "--set", setting)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)

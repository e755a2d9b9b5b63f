"""``mainstay-agent`` as a person calls it: real processes."""

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from agent import daemon, identity


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
    table = call("check", "--config", str(config))
    assert table.returncode == 0, table.stderr
    assert table.stdout.splitlines()[0].split() == ["CONDITION", "STATUS", "SEVERITY", "REASON", "MESSAGE"]
    found = json.loads(call("check", "--config", str(config), "-o", "json").stdout)
    assert {finding["status"] for finding in found} == {"FALSE"}


def test_check_of_a_node_that_is_not_well(config: Path) -> None:
    config.write_text(config.read_text() + '[sensors.network]\ninterfaces = ["no-such-card"]\n')
    done = call("check", "--config", str(config))
    assert done.returncode == 1
    assert "no interface no-such-card" in done.stdout


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
    assert (shown["node"], shown["workers"]["users"], shown["intervals"]["sense_s"]) == ("n9", ["ada"], 15.0)


@pytest.mark.parametrize("setting", ["node", "colour=1", "node=N9", "workers.users=ada"])
def test_a_wrong_setting_is_one_line(setting: str) -> None:
    done = call("config", "sample", "--set", setting)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)

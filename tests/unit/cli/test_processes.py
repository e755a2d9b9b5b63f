import json
import subprocess
import sys

import psutil
import pytest

from cli import processes
from cli.processes import Daemon

DEADLINE_S = 10
SLEEP = "import time; print(flush=True); time.sleep(60)"


@pytest.fixture
def sleeping():
    """Start a process that sleeps; all are gone afterwards."""
    started = []

    def start(*arguments, marked=None):
        environment = {"MAINSTAY_SHIM": marked} if marked else {}
        argv = [sys.executable, "-I", "-S", "-c", SLEEP, *arguments]
        process = subprocess.Popen(argv, stdout=subprocess.PIPE, env=environment)
        process.stdout.readline()
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.wait(DEADLINE_S)
        process.stdout.close()


@pytest.fixture
def part(tmp_path):
    """Claim an attempt's directory for a shim."""

    def claim(shim, pid):
        directory = tmp_path / "attempts" / "j-1.1"
        directory.mkdir(parents=True, exist_ok=True)
        (directory / "state.json").write_text(json.dumps({"shim": shim, "shim_pid": pid}))
        return directory

    return claim


def test_a_nodes_shim_and_workers_are_found_and_killed_and_no_others(sleeping, part, tmp_path):
    shim = sleeping(str(tmp_path / "attempts" / "j-1.1"))
    part("mark", shim.pid)
    agent, worker = sleeping(), sleeping(marked="mark")
    stranger, bystander = sleeping(marked="another"), sleeping()
    killed, found = processes.kill_node(psutil.Process(agent.pid), tmp_path)
    assert killed == 3
    assert {process.pid for process in found} == {shim.pid, worker.pid}
    assert not any(psutil.pid_exists(process.pid) for process in (agent, shim, worker))
    assert (stranger.poll(), bystander.poll()) == (None, None)


def test_a_pid_that_is_somebody_elses_now_is_left_alone(sleeping, part, tmp_path):
    other = sleeping("no-shim")
    part("mark", other.pid)
    assert processes.kill_node(None, tmp_path) == (0, [])
    assert other.poll() is None


def test_a_damaged_or_unclaimed_state_file_is_nobodys(part, tmp_path):
    directory = part("", 0)
    assert processes.of_node(tmp_path) == []
    (directory / "state.json").write_text("{")
    assert processes.of_node(tmp_path) == []


def test_daemons_are_known_by_pid_and_start_time(sleeping):
    process = sleeping()
    created = psutil.Process(process.pid).create_time()
    mine, older = Daemon("n1", process.pid, created), Daemon("n1", process.pid, created - 60)
    assert (mine.process is not None, older.process) == (True, None)
    processes.end([older], 1.0)
    assert process.poll() is None
    processes.end([mine], DEADLINE_S)
    assert not psutil.pid_exists(process.pid)

"""Real processes: what bears a run's mark is found and ended, and nothing else."""

import os
import subprocess
import sys

import psutil
import pytest

from bench.resume import sweep

SLEEP = [sys.executable, "-I", "-S", "-c", "import time; print(flush=True); time.sleep(60)"]


@pytest.fixture
def sleeping():
    started = []

    def start(argv=SLEEP, **environment):
        process = subprocess.Popen(argv, stdout=subprocess.PIPE, env={**os.environ, **environment})
        started.append(process)
        process.stdout.readline()
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()
        process.stdout.close()


def test_what_a_run_started_is_gone_when_it_ends_badly(sleeping, tmp_path, monkeypatch):
    monkeypatch.setenv(sweep.MARK, "")
    stranger, ours = sleeping(), []

    def interrupted():
        with sweep.swept(tmp_path):
            ours.extend([sleeping(), sleeping()])
            psutil.Process(ours[1].pid).suspend()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()

    assert not [process for process in ours if psutil.pid_exists(process.pid)]
    assert stranger.poll() is None


def test_a_shim_is_known_by_the_part_it_runs(tmp_path):
    shim = ["python", "-I", "-S", "/opt/agent/workers/shim/__main__.py", f"{tmp_path}/n1/attempts/j.1"]

    assert sweep.names_part(shim, tmp_path)
    assert not sweep.names_part(shim, tmp_path / "other")
    assert not sweep.names_part(["tail", "-f", f"{tmp_path}/n1.log"], tmp_path)

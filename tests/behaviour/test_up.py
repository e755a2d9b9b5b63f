"""`mainstay up`: a cluster of one's own in the foreground, that goes on where it ended."""

import contextlib
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from fakes.observed_cluster import eventually

MAINSTAY = str(Path(sys.executable).parent / "mainstay")
DEADLINE_S = 60
ROOTS_OWN = os.geteuid() == 0
JOB = """name = "sleeper"
script = "{script}"
interpreter = "{interpreter}"
launcher = "direct"
nodes = 1
"""


class Up:
    """The command, its output in a file."""

    def __init__(self, directory: Path) -> None:
        self.directory, self.out = directory, directory.parent / "out"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self.out.open("wb") as out:
            self.process = subprocess.Popen(
                [MAINSTAY, "up", "--dir", str(self.directory)], stdout=out, stderr=out, cwd=self.directory.parent
            )
        eventually("it explains itself", lambda: "Ctrl-C" in self.said() or self.process.poll() is not None, DEADLINE_S)
        assert self.process.poll() is None, self.said()

    def said(self) -> str:
        return self.out.read_text()

    def environment(self) -> dict[str, str]:
        words = next(line for line in self.said().splitlines() if "export " in line).split("export ", 1)[1]
        return dict(word.split("=", 1) for word in shlex.split(words))

    def mainstay(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        environment = os.environ | self.environment()
        argv = [MAINSTAY, *arguments]
        return subprocess.run(argv, env=environment, capture_output=True, text=True, timeout=DEADLINE_S)

    def stop(self, number: int = signal.SIGINT) -> int:
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(DEADLINE_S)


@pytest.fixture
def up():
    folder = Path(tempfile.mkdtemp(prefix="mainstay-up-", dir="/var/tmp"))
    folder.chmod(0o755)
    made = Up(folder / "up")
    yield made
    if made.process is not None and made.process.poll() is None:
        made.stop()
    from cli import processes

    processes.kill_node(None, made.directory / "agent")
    shutil.rmtree(folder)


def job_of(up: Up) -> dict:
    return json.loads(up.mainstay("job", "show", "sleeper-1", "-o", "json").stdout)


def submit(up: Up) -> None:
    script = up.directory.parent / "sleeper.py"
    script.write_text("import time\nprint('up', flush=True)\ntime.sleep(600)\n")
    file = up.directory.parent / "job.toml"
    interpreter = "/usr/bin/python3" if ROOTS_OWN else sys.executable
    file.write_text(JOB.format(script=script, interpreter=interpreter))
    done = up.mainstay("job", "submit", str(file))
    assert done.returncode == 0, done.stderr


@pytest.mark.timeout(400)
def test_a_job_outlives_it_and_is_found_again(up):
    up.start()
    submit(up)
    eventually("the worker says something", lambda: "up" in up.mainstay("job", "logs", "sleeper-1").stdout, DEADLINE_S)

    assert up.stop() == 0
    assert "sleeper-1.1 goes on" in up.said()

    up.start()
    eventually("the job runs", lambda: job_of(up)["phase"] == "running", DEADLINE_S)
    assert job_of(up)["attempt"] == 1

    assert up.mainstay("job", "stop", "sleeper-1", "--yes").returncode == 0
    eventually("the job has ended", lambda: job_of(up)["phase"] == "cancelled", DEADLINE_S)
    assert up.stop(signal.SIGTERM) == 0
    assert up.said().endswith("mainstay: stopped\n")


@pytest.mark.timeout(300)
def test_one_of_its_daemons_dies(up):
    up.start()
    daemons = json.loads((up.directory / "daemons.json").read_text())
    with contextlib.suppress(ProcessLookupError):
        os.kill(next(each["pid"] for each in daemons if each["name"] == "agent"), signal.SIGKILL)
    assert up.process.wait(DEADLINE_S) == 1
    assert "the agent ended" in up.said()


@pytest.mark.timeout(300)
def test_a_second_one_is_refused_and_what_a_killed_one_left_is_ended(up):
    up.start()
    second = subprocess.run([MAINSTAY, "up", "--dir", str(up.directory)], capture_output=True, text=True, timeout=60)
    assert (second.returncode, second.stderr.count("\n")) == (4, 1)

    assert up.stop(signal.SIGKILL) == -signal.SIGKILL
    up.start()
    assert "healthy" in up.mainstay("node", "list").stdout
    doctor = up.mainstay("doctor", "--dir", str(up.directory), "-o", "json")
    found = {(each["subject"], each["what"]): each["verdict"] for each in json.loads(doctor.stdout)}
    for look in (("controller", "API"), ("controller", "database"), ("agent", "link"), ("agent", "certificate")):
        assert found[look] == "ok", doctor.stdout
    assert up.stop() == 0

"""What counts as trained again, on logs that grow while they are watched."""

import subprocess
import sys

import psutil
import pytest

from bench.resume import run
from bench.resume.faults import BLOWS, Fault
from cli.demo.errors import DemoFailed

OLD = "12:00:00 +1.9s world 2 on cpu, 9 parameters\n" + "".join(f"x +1s step {n} loss 5.0\n" for n in range(1, 25))
SLEEP = [sys.executable, "-I", "-S", "-c", "import time; print(flush=True); time.sleep(60)"]


class Scripted:
    """A contender whose log grows by one piece at each look."""

    name = "scripted"

    def __init__(self, path, pieces=(), why=None, prey=()):
        self.path, self.pieces, self.why, self.hit = path, list(pieces), why, list(prey)
        path.write_text(OLD)

    def start(self):
        pass

    def logs(self):
        with self.path.open("a") as file:
            file.write(self.pieces.pop(0) if self.pieces else "")
        return [self.path]

    def prey(self, blow):
        return self.hit

    def given_up(self):
        return self.why

    def account(self, since):
        return ""

    def stop(self):
        pass


@pytest.fixture
def victim():
    process = subprocess.Popen(SLEEP, stdout=subprocess.PIPE)
    process.stdout.readline()
    yield psutil.Process(process.pid)
    process.kill()
    process.wait()
    process.stdout.close()


def gang(world, at, steps):
    lines = [f"x world {world} on cpu, 9 parameters", f"x resumed from /c/step-{at}.pt at step {at}"]
    return "".join(f"{line}\n" for line in [*lines, *(f"x step {at + n} loss 4.0" for n in range(1, steps + 1))])


def test_a_gang_that_dies_after_a_step_did_not_resume_the_job(victim, tmp_path):
    late = "x +1s step 25 loss 5.0\n"  # of the old gang, already on its way
    pieces = ["", "", late, gang(2, 20, 1), gang(1, 20, 7)]
    contender = Scripted(tmp_path / "log", pieces, prey=[victim])

    outcome = run.run(contender, Fault.WORKER_KILL, limit_s=30)

    assert (outcome.world, outcome.lost_steps) == (1, 5)
    assert outcome.seconds > 0


def test_it_is_never_once_the_contender_has_given_up(victim, tmp_path, monkeypatch):
    monkeypatch.setattr(run, "ASK_S", 0.0)
    contender = Scripted(tmp_path / "log", why="every launcher left has exited with 1", prey=[victim])

    outcome = run.run(contender, Fault.WORKER_KILL, limit_s=30)

    assert (outcome.seconds, outcome.note) == (None, "every launcher left has exited with 1")


def test_it_is_never_after_the_limit(victim, tmp_path):
    outcome = run.run(Scripted(tmp_path / "log", prey=[victim]), Fault.WORKER_HANG, limit_s=0.1)

    assert (outcome.seconds, outcome.note) == (None, "no new step within 0.1 s")
    assert victim.status() == psutil.STATUS_STOPPED


def test_nobody_to_strike_is_no_result(tmp_path):
    with pytest.raises(DemoFailed, match="nobody to send SIGKILL"):
        run.run(Scripted(tmp_path / "log"), Fault.NODE_KILL, limit_s=1)


def test_every_fault_has_a_blow():
    assert set(BLOWS) == set(Fault)

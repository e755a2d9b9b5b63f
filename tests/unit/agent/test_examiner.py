"""Diagnostics as the agent runs them: a deadline, a launch that ends them, a node that runs a job."""

import asyncio
import os
import sys
import time
from pathlib import Path

import pytest

from agent.clock import SystemClock
from agent.config import Config
from agent.examiner import End, Examiner, read
from agent.orders import diagnose, launch_attempt
from agent.ports import PortBook
from agent.services import NodeServices
from agent.workers import examination
from agent.workers.parts import Parts
from agent.workers.policy import WorkerPolicy
from wire.attempts import PartState, PartStatus
from wire.orders import Diagnose, Order, OutcomeReason, OutcomeStatus

DEADLINE_S = 60.0
USER = "nobody" if os.geteuid() == 0 else ""


def run(work):
    return asyncio.run(asyncio.wait_for(work, DEADLINE_S))


@pytest.fixture
def state_dir(tmp_path):
    for directory in (tmp_path, *tmp_path.parents):  # as an agent's state directory is: others may pass
        if directory.owner() == tmp_path.owner() and directory not in (Path("/"), Path("/tmp")):
            directory.chmod(0o711)
    return tmp_path


@pytest.fixture
def node(state_dir):
    policy = WorkerPolicy(interpreters=[sys._base_executable], users=[USER] if USER else [])
    config = Config("n1", "127.0.0.1", state_dir=str(state_dir), workers=policy)
    parts = Parts(state_dir, "n1", "boot", policy, lambda _part: None)
    return NodeServices(config, SystemClock(), "boot", parts, None, PortBook())


def execute(node, **asked):
    kind = Diagnose(**asked)
    return diagnose.execute(Order("k", 1, kind, decision=1), kind, node)


def test_they_run_as_the_jobs_user_and_leave_nothing(node, state_dir):
    outcome = run(execute(node, names=["disk"], quick=True))
    assert (outcome.status, outcome.reason) == (OutcomeStatus.DONE, OutcomeReason.OK), outcome.message
    assert [figure["name"] for figure in outcome.detail["figures"]] == ["disk_write", "disk_read", "disk_sync"]
    assert list(state_dir.glob("diagnostics-*")) == []


def test_asked_again_after_a_crash_they_run_again(node):
    """Nothing of the first try is left, so there is nothing to look for."""
    outcomes = [run(execute(node, names=["disk"], quick=True)) for _ in range(2)]
    assert [outcome.status for outcome in outcomes] == [OutcomeStatus.DONE] * 2


def test_an_unknown_name_is_refused(node):
    outcome = run(execute(node, names=["tarot"]))
    assert (outcome.status, outcome.reason) == (OutcomeStatus.REFUSED, OutcomeReason.NOT_FOUND)


def test_beside_a_job_they_are_refused_unless_a_person_wants_them(node, monkeypatch):
    part = PartStatus("lm-1", 1, PartState.RUNNING, 0, "boot")
    monkeypatch.setattr(node.parts, "statuses", lambda: [part])
    refused = run(execute(node, names=["disk"], quick=True))
    assert (refused.status, refused.reason) == (OutcomeStatus.REFUSED, OutcomeReason.BUSY)
    assert "lm-1.1" in refused.message
    assert run(execute(node, names=["disk"], quick=True, during_job=True)).status is OutcomeStatus.DONE


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has somebody else to be")
def test_they_never_run_as_root(node):
    for users in ([], ["root"]):
        config = Config("n1", "127.0.0.1", state_dir=node.config.state_dir, workers=WorkerPolicy(users=users))
        services = NodeServices(config, node.clock, "boot", node.parts, node.survey, node.ports)
        outcome = run(execute(services, names=["disk"]))
        assert (outcome.status, outcome.reason) == (OutcomeStatus.REFUSED, OutcomeReason.NOT_PERMITTED)
        assert "workers.users" in outcome.message


def hanging(monkeypatch, state_dir, program):
    """In place of the diagnostics a program of the test's, in the same process group, as the same user."""
    path = state_dir / "program.py"
    path.write_text(program)
    path.chmod(0o644)
    monkeypatch.setattr(examination, "program", lambda: path)
    monkeypatch.setattr(examination, "known", lambda: ["gemm"])


HANGS = """
import subprocess, sys, time
print('{"begun": "gemm"}', flush=True)
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)", "mainstay-test-grandchild"])
time.sleep(600)
"""


def grandchildren():
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found += [path.parent.name] if b"mainstay-test-grandchild" in path.read_bytes() else []
        except OSError:
            continue
    return found


def test_at_the_deadline_all_of_it_is_killed_and_what_hung_is_named(node, state_dir, monkeypatch):
    hanging(monkeypatch, state_dir, HANGS)
    outcome = run(execute(node, names=["gemm"], deadline_s=1.0))
    assert (outcome.status, outcome.reason) == (OutcomeStatus.FAILED, OutcomeReason.CHECKS_FAILED)
    assert "gemm: no result within 1 s" in outcome.message
    end = time.monotonic() + 10
    while grandchildren() and time.monotonic() < end:
        time.sleep(0.02)
    assert grandchildren() == []


def test_a_launch_ends_them_and_begins_once_they_have_ended(node, state_dir, monkeypatch):
    hanging(monkeypatch, state_dir, HANGS)
    order = []

    async def launch(_kind, _in_time):
        order.append(("launched", node.examiner.taken, bool(grandchildren())))
        return PartStatus("lm-1", 1, PartState.RUNNING, 0, "boot")

    monkeypatch.setattr(node.parts, "launch", launch)

    async def both():
        examined = asyncio.create_task(execute(node, names=["gemm"], deadline_s=60.0))
        while not grandchildren():
            await asyncio.sleep(0.02)
        await launch_attempt.execute(Order("l", 1, None, decision=1), None, node)
        return await examined

    outcome = run(both())
    assert order[0][:2] == ("launched", True)  # and no others begin meanwhile
    assert (outcome.status, outcome.reason) == (OutcomeStatus.FAILED, OutcomeReason.BUSY)
    assert not node.examiner.taken


def test_with_the_agents_end_of_the_pipe_they_end(state_dir):
    async def tied():
        command = [sys.executable, "-I", str(examination.program()), "memory_bandwidth", "--tied"]
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, start_new_session=True)
        assert process.stdout is not None
        await process.stdout.readline()
        process.stdin.close()
        await process.stdout.read()
        return await process.wait()

    assert run(tied()) == -9


def test_two_at_once_are_one_too_many(node):
    async def twice():
        examiner = Examiner()
        release = asyncio.Event()

        async def work(_stop):
            await release.wait()
            return b""

        first = asyncio.create_task(examiner.examine(work, 60.0))
        await asyncio.sleep(0)
        taken = examiner.taken
        release.set()
        return taken, (await first).end, examiner.taken

    assert run(twice()) == (True, End.OWN, False)


def test_what_a_library_prints_is_passed_over():
    said = ['{"begun": "a"}', "WARNING: {}", "[]", '{"ended": "a", "figures": [{"name": "x", "value": 1}]}']
    output = "\n".join([*said, '{"begun": "b"}', ""]).encode()
    figures, unfinished = read(output)
    assert ([figure.name for figure in figures], unfinished) == (["x"], "b")

"""A node for the tests of workers: real shims and real processes, in a directory that worker users can reach."""

import asyncio
import contextlib
import os
import pwd
import shutil
import signal
import socket
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

from agent.workers.part_files import read_claim
from agent.workers.parts import Parts
from agent.workers.permit import Refusal
from agent.workers.policy import WorkerPolicy
from agent.workers.shim import procfs, sweep
from wire.attempts import PartState, PartStatus
from wire.orders import LaunchAttempt
from wire.specs import CheckpointSpec, Launcher

GANG_WORKER = Path(__file__).parents[3] / "fakes" / "gang_worker.py"
IS_ROOT = os.geteuid() == 0
USER = "nobody" if IS_ROOT else pwd.getpwuid(os.geteuid()).pw_name
INTERPRETER = "/usr/bin/python3" if IS_ROOT else sys.executable
BOOT = "boot-1"
DEADLINE_S = 15.0


@contextlib.contextmanager
def node_directory() -> Iterator[Path]:
    """pytest's own temporary directories are closed to other users."""
    path = Path(tempfile.mkdtemp(prefix="mainstay-test-"))
    path.chmod(0o777)
    try:
        yield path
    finally:
        _end_all(path)
        shutil.rmtree(path)


def _end_all(base: Path) -> None:
    """Whatever a failed test left running."""
    for directory in base.glob("*/attempts/*"):
        claim = read_claim(directory)
        if claim is None or not claim[0].shim:
            continue
        shim = procfs.read(claim[0].shim_pid)
        if shim is not None and shim.start_time == claim[0].shim_start_time:
            procfs.send(shim, signal.SIGKILL)
        sweep.kill(sweep.marked(claim[0].shim))


class TestNode:
    """``changes`` collects what the parts report."""

    __test__ = False

    def __init__(self, base: Path, name: str = "n1", boot_id: str = BOOT) -> None:
        self.base = base
        self.name = f"{name}.{os.getpid()}"  # other tests on this machine look for processes by their node's name
        self.state_dir = base / name
        self.changes: list[PartStatus] = []
        policy = WorkerPolicy(interpreters=[INTERPRETER, sys.executable], roots=["/"], users=[USER])
        self.parts = Parts(self.state_dir, self.name, boot_id, policy, self.changes.append)

    @property
    def part_dir(self) -> Path:
        return self.state_dir / "attempts" / "gang-1.1"

    def order(self, *args: str, script: Path = GANG_WORKER, **fields: Any) -> LaunchAttempt:
        """One node, two ranks, started directly, with checkpoints; whatever is said otherwise."""
        values: dict[str, Any] = {
            "job": "gang-1",
            "attempt": 1,
            "node_rank": 0,
            "nodes": 1,
            "workers_per_node": 2,
            "launcher": Launcher.DIRECT,
            "interpreter": INTERPRETER,
            "script": str(script),
            "args": list(args),
            "directory": "/",
            "environment": {},
            "user": USER,
            "master_address": "127.0.0.1",
            "master_port": free_port(),
            "checkpoint": CheckpointSpec(dir=str(self.base / "checkpoints")),
            "checkpoint_dir": str(self.base / "checkpoints" / "attempt-1"),
        }
        return LaunchAttempt(**{**values, **fields})

    def script(self, text: str) -> Path:
        path = self.base / "script.py"
        path.write_text(text)
        path.chmod(0o644)
        return path

    async def launched(self, order: LaunchAttempt) -> PartStatus:
        status = await self.parts.launch(order)
        assert not isinstance(status, Refusal), status
        return status

    def status(self) -> PartStatus:
        return next(status for status in self.parts.statuses() if status.id == "gang-1.1")

    async def until(self, holds: Callable[[PartStatus], bool], deadline_s: float = DEADLINE_S) -> PartStatus:
        await eventually(lambda: holds(self.status()), deadline_s, lambda: str(self.status()))
        return self.status()

    async def ended(self, deadline_s: float = DEADLINE_S) -> PartStatus:
        return await self.until(lambda status: status.state is PartState.ENDED, deadline_s)

    async def stepping(self) -> PartStatus:
        return await self.until(lambda status: all(rank.step and rank.process_state in "RSD" for rank in status.ranks))

    async def signal_rank(self, rank: int, number: signal.Signals) -> None:
        """Once every rank steps."""
        pid = (await self.stepping()).ranks[rank].pid
        assert pid
        os.kill(pid, number)

    def shim_pid(self) -> int:
        found = read_claim(self.part_dir)
        assert found is not None
        return found[0].shim_pid

    def processes(self) -> list[int]:
        """Of any part of this node, by their environment."""
        entry = f"MAINSTAY_NODE={self.name}".encode()
        own = f"MAINSTAY_CHECKPOINT_DIR={self.base}".encode()
        found = []
        for process in procfs.everything():
            entries = procfs.environment(process.pid)
            if entry in entries and any(line.startswith(own) for line in entries) and not process.gone:
                found.append(process.pid)
        return found


async def eventually(
    holds: Callable[[], bool], deadline_s: float = DEADLINE_S, tell: Callable[[], str] = lambda: ""
) -> None:
    deadline = time.monotonic() + deadline_s
    while not holds():
        assert time.monotonic() < deadline, f"not within {deadline_s} s: {tell()}"
        await asyncio.sleep(0.02)


@contextlib.asynccontextmanager
async def running_node(base: Path, name: str = "n1", boot_id: str = BOOT) -> AsyncIterator[TestNode]:
    node = TestNode(base, name, boot_id)
    await node.parts.recover()
    try:
        yield node
    finally:
        await node.parts.close()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port

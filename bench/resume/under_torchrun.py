"""Plain torchrun: one launcher for each node, elastic from one to two nodes; all it is not told here is its default."""

import os
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path

import psutil

from bench.resume import job
from bench.resume.contender import of_rank
from bench.resume.faults import Blow
from bench.resume.figures import THEIRS
from cli.demo.account import INTERPRETER, Account
from cli.demo.errors import DemoFailed
from cli.demo.layout import Layout

MAX_RESTARTS = 3
STORE_S = 60.0
POLL_S = 0.05
RENDEZVOUS, OTHER = 0, 1


class Torchrun:
    name = THEIRS

    def __init__(self, layout: Layout, account: Account, mark: Mapping[str, str]) -> None:
        self._layout, self._account, self._mark = layout, account, mark
        self._launchers: list[psutil.Popen] = []
        self._struck: set[int] = set()

    def start(self) -> None:
        """The first launcher hosts the store; it is there before the second one looks for it."""
        job.install(self._layout, self._account)
        host, other = job.NODES.values()
        port = _free_port(host)
        self._launch(host, f"{host}:{port}")
        _await_port(host, port)
        self._launch(other, f"{host}:{port}")

    def logs(self) -> Sequence[Path]:
        return [self._log(number) for number in range(job.WORLD)]

    def prey(self, blow: Blow) -> list[psutil.Process]:
        if not blow.whole_node:
            return of_rank([worker for launcher in self._launchers for worker in launcher.children()], 1)
        number = RENDEZVOUS if blow.rendezvous else OTHER
        self._struck.add(number)
        return [self._launchers[number], *self._launchers[number].children(recursive=True)]

    def given_up(self) -> str | None:
        left = [launcher for number, launcher in enumerate(self._launchers) if number not in self._struck]
        if any(launcher.poll() is None for launcher in left):
            return None
        return f"every launcher left has exited with {', '.join(str(launcher.poll()) for launcher in left)}"

    def account(self, since: datetime) -> str:
        return ""

    def stop(self) -> None:
        """Each worker has a session of its own, so every descendant is named; the mark finds what is left."""
        for launcher in self._launchers:
            with suppress(psutil.NoSuchProcess):
                for process in [launcher, *launcher.children(recursive=True)]:
                    with suppress(psutil.NoSuchProcess):
                        process.kill()
            launcher.wait()

    def _log(self, number: int) -> Path:
        return self._layout.root / f"torchrun-{number}.log"

    def _launch(self, address: str, endpoint: str) -> None:
        with self._log(len(self._launchers)).open("wb") as output:
            process = psutil.Popen(
                command(address, endpoint, self._layout),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=self._layout.job,
                env=environment(self._mark),
                start_new_session=True,
                **self._account.becoming,
            )
        self._launchers.append(process)


def command(address: str, endpoint: str, layout: Layout) -> list[str]:
    argv = [INTERPRETER, "-m", "torch.distributed.run", "--rdzv-backend=c10d", "--rdzv-id=bench-resume"]
    argv += [f"--rdzv-endpoint={endpoint}", f"--local-addr={address}", f"--max-restarts={MAX_RESTARTS}"]
    argv += [f"--nnodes=1:{job.WORLD}", "--nproc-per-node=1", str(layout.script)]
    return [*argv, *job.ARGUMENTS, "--checkpoint-dir", str(layout.checkpoints)]


def environment(mark: Mapping[str, str]) -> dict[str, str]:
    """As bare as that of Mainstay's workers."""
    plain = {"PATH": os.defpath, "LANG": "C.UTF-8", "HOME": "/", "OMP_NUM_THREADS": "1"}
    own = {"TORCH_DISABLE_SHARE_RDZV_TCP_STORE": "1"}  # restarted ranks may meet a stale shared store
    return {**plain, **own, **job.ENVIRONMENT, **mark}


def _free_port(address: str) -> int:
    with socket.create_server((address, 0)) as listening:
        return int(listening.getsockname()[1])


def _await_port(address: str, port: int) -> None:
    deadline = time.monotonic() + STORE_S
    while time.monotonic() < deadline:
        with suppress(OSError), socket.create_connection((address, port), timeout=1):
            return
        time.sleep(POLL_S)
    raise DemoFailed(f"torchrun opened no rendezvous on {address}:{port} within {STORE_S:g} s")

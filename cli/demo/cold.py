"""What Mainstay is measured against: a cold start of the same job by plain torchrun, in the same run."""

import contextlib
import os
import signal
import socket
import subprocess
import time

import psutil

from cli.demo import job_log
from cli.demo.account import INTERPRETER, Account
from cli.demo.errors import DemoFailed
from cli.demo.layout import NODES, Layout
from cli.demo.waiting import POLL_S, Waiter
from cli.demo.work import ARGUMENTS, ENVIRONMENT, WORLD

GRACE_S = 5.0


def measure(layout: Layout, account: Account, wait: Waiter) -> float:
    """Seconds from starting three torchruns, one for each node, to the first step that rank 0 prints."""
    address = next(iter(NODES.values()))
    port = _free_port(address)
    began = time.monotonic()
    launchers = [_launch(layout, account, rank, address, port) for rank in range(WORLD)]
    log = layout.cold / "torchrun-0.log"

    def first_step() -> bool:
        if any(launcher.poll() is not None for launcher in launchers):
            raise DemoFailed(f"plain torchrun could not start the job; its logs are below {layout.cold}")
        return bool(job_log.read(log).steps)

    try:
        wait.until("the first step of the job under plain torchrun", first_step, POLL_S)
        return time.monotonic() - began
    finally:
        _end(launchers)


def _launch(layout: Layout, account: Account, rank: int, address: str, port: int) -> "subprocess.Popen[bytes]":
    argv = [INTERPRETER, "-m", "torch.distributed.run", "--rdzv-backend=static", "--max-restarts=0"]
    argv += [f"--nnodes={WORLD}", "--nproc-per-node=1", f"--node-rank={rank}"]
    argv += [f"--master-addr={address}", f"--master-port={port}", str(layout.script)]
    argv += [*ARGUMENTS, "--checkpoint-dir", str(layout.cold / "checkpoints")]
    environment = {"PATH": os.defpath, "LANG": "C.UTF-8", "HOME": "/", "OMP_NUM_THREADS": "1", **ENVIRONMENT}
    with (layout.cold / f"torchrun-{rank}.log").open("wb") as output:
        return subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=layout.job,
            env=environment,
            start_new_session=True,
            **account.becoming,
        )


def _end(launchers: "list[subprocess.Popen[bytes]]") -> None:
    """torchrun gives each worker a session of its own, so every descendant is named."""
    all_of_them: list[psutil.Process] = []
    for launcher in launchers:
        with contextlib.suppress(psutil.NoSuchProcess):
            process = psutil.Process(launcher.pid)
            all_of_them += [process, *process.children(recursive=True)]
    for process in all_of_them:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(signal.SIGKILL)
    psutil.wait_procs(all_of_them, timeout=GRACE_S)


def _free_port(address: str) -> int:
    with socket.create_server((address, 0)) as listening:
        return int(listening.getsockname()[1])

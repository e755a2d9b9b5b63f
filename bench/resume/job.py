"""The job that is measured: examples/bytes_lm.py as it is, with the same arguments under both contenders."""

import shutil
from pathlib import Path

from cli import toml
from cli.demo import layout as places
from cli.demo.account import INTERPRETER, Account
from cli.demo.layout import SCRIPT, Layout

NODES = {"n1": "127.0.0.21", "n2": "127.0.0.22"}
SPARE = {"n3": "127.0.0.23"}
WORLD = len(NODES)
CHECKPOINT_EVERY = 10
STRIKE_AT_STEP = 24  # of the first gang: it has settled, and four steps are at stake
ARGUMENTS = [
    *("--steps", "1000000"),  # longer than anybody waits
    *("--checkpoint-every", str(CHECKPOINT_EVERY)),
    *("--log-every", "1"),
    *("--min-step-s", "0.2"),  # room for the other processes on a small machine
]
ENVIRONMENT = {
    "CUDA_VISIBLE_DEVICES": "",  # CPUs: NCCL refuses two workers on one GPU
    "GLOO_SOCKET_IFNAME": "lo",  # all nodes are this machine; its name may resolve to anything
}


def install(layout: Layout, account: Account) -> None:
    """The script, and a checkpoint directory that the workers' user may write to."""
    shutil.copyfile(places.example(), layout.script)
    layout.script.chmod(0o644)
    account.give(layout.checkpoints)


def write_job_file(layout: Layout, environment: dict[str, str]) -> Path:
    """For Mainstay; restarts and everything else at their defaults."""
    layout.job_file.write_text(
        toml.encode(
            {
                "name": "bench-resume",
                "nodes": WORLD,
                "workers_per_node": 1,
                "interpreter": INTERPRETER,
                "script": SCRIPT,
                "args": ARGUMENTS,
                "directory": str(layout.job),
                "environment": environment,
                "checkpoint": {"dir": str(layout.checkpoints)},
            }
        )
    )
    return layout.job_file

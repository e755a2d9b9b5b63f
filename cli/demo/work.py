"""The demo's training job."""

import shutil

from cli import toml
from cli.demo import layout as places
from cli.demo.account import INTERPRETER, Account
from cli.demo.layout import JOB, Layout

WORLD = 3
CHECKPOINT_EVERY = 10
ARGUMENTS = [
    *("--steps", "1000000"),  # longer than anybody watches
    *("--checkpoint-every", str(CHECKPOINT_EVERY)),
    *("--log-every", "1"),
    *("--min-step-s", "0.2"),  # for people to follow, and room for seven more processes on two cores
]
ENVIRONMENT = {
    "CUDA_VISIBLE_DEVICES": "",  # three workers would share one GPU, which NCCL refuses
    "GLOO_SOCKET_IFNAME": "lo",  # all nodes are this machine; its name may resolve to anything
}


def install(layout: Layout, account: Account) -> None:
    """Script, job file and checkpoint directory, with the rights that the workers' user needs."""
    shutil.copyfile(places.example(), layout.script)
    layout.job_file.write_text(_job_file(layout))
    for file in (layout.script, layout.job_file):
        file.chmod(0o644)
    for directory in (layout.checkpoints, layout.cold):
        account.give(directory)


def _job_file(layout: Layout) -> str:
    return toml.encode(
        {
            "name": JOB,
            "nodes": WORLD,
            "workers_per_node": 1,
            "interpreter": INTERPRETER,
            "script": places.SCRIPT,
            "args": ARGUMENTS,
            "directory": str(layout.job),
            "environment": ENVIRONMENT,
            "checkpoint": {"dir": str(layout.checkpoints)},
        }
    )

"""What a person writes: the job file."""

from enum import StrEnum
from typing import Annotated

import msgspec

from wire.names import END, AbsolutePath, JobName

Count = Annotated[int, msgspec.Meta(ge=1, le=100_000)]
Seconds = Annotated[float, msgspec.Meta(ge=0, le=86_400)]
EnvName = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z_][A-Za-z0-9_]*" + END)]


class Launcher(StrEnum):
    TORCHRUN = "torchrun"  # one torchrun a node, static rendezvous
    DIRECT = "direct"  # the shim starts the workers itself, with torchrun's environment variables


class Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Resource limits of each worker (setrlimit). None leaves the node's own."""

    open_files: Count | None = None
    processes: Count | None = None
    address_space_mib: Count | None = None
    core_mib: Annotated[int, msgspec.Meta(ge=0)] | None = None


class LogSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A node's log of an attempt never takes more than ``max_mib * files``."""

    max_mib: Count = 16
    files: Annotated[int, msgspec.Meta(ge=1, le=100)] = 4


class CheckpointSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where checkpoints go and how a complete one is recognised.

    ``dir`` is on storage that every node of the job sees; each attempt gets ``dir/JOB/attempt-N`` as
    MAINSTAY_CHECKPOINT_DIR. ``pattern`` names the file that appears last, by an atomic rename, with ``{step}`` where
    the step stands: ``step-{step}.pt``, or ``step-{step}/.metadata`` for torch.distributed.checkpoint.
    """

    dir: AbsolutePath
    pattern: Annotated[str, msgspec.Meta(pattern=r"^(?!/)(?!.*\.\.)[^{}]*\{step\}[^{}]*" + END)] = "step-{step}.pt"


class RestartSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``max_failures`` counts only failures that start in the script; ``max_fruitless`` any attempts in a row that
    ended without a new step."""

    max_failures: Annotated[int, msgspec.Meta(ge=0)] = 3
    max_fruitless: Annotated[int, msgspec.Meta(ge=1)] = 10


class JobSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: JobName
    script: AbsolutePath
    nodes: Count = 1
    workers_per_node: Annotated[int, msgspec.Meta(ge=1, le=1024)] = 1
    accelerators_per_node: Annotated[int, msgspec.Meta(ge=0)] = 0
    launcher: Launcher = Launcher.TORCHRUN
    interpreter: AbsolutePath = "/usr/bin/python3"
    args: list[str] = []
    directory: AbsolutePath = "/"
    environment: dict[EnvName, str] = {}
    gang: bool = True  # no rank can step without the others
    stop_grace_s: Seconds = 10.0  # from SIGTERM to SIGKILL when a person stops the job
    limits: Limits = Limits()
    log: LogSpec = LogSpec()
    restart: RestartSpec = RestartSpec()
    checkpoint: CheckpointSpec | None = None

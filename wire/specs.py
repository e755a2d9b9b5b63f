"""What a person writes: the job file."""

from enum import StrEnum
from typing import Annotated

import msgspec

from wire.names import END, AbsolutePath, JobName, form

Count = Annotated[int, msgspec.Meta(ge=1, le=100_000)]
Seconds = Annotated[float, msgspec.Meta(ge=0, le=86_400)]
EnvName = Annotated[str, form(r"^[A-Za-z_][A-Za-z0-9_]*" + END, "letters, digits and underscores, no digit first")]


class Launcher(StrEnum):
    TORCHRUN = "torchrun"
    DIRECT = "direct"


class Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Resource limits of each worker (setrlimit). None leaves the node's own.

    ``open_files`` and ``processes`` count, the latter all of the user's on the node. ``address_space_mib`` is what one
    process may map. ``core_mib`` is how large a core dump may grow; 0 means none is written.
    """

    open_files: Count | None = None
    processes: Count | None = None
    address_space_mib: Count | None = None
    core_mib: Annotated[int, msgspec.Meta(ge=0)] | None = None


class LogSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A node's log of an attempt is kept in ``files`` files: one that has grown to ``max_mib`` is put aside, and the
    oldest goes."""

    max_mib: Count = 16
    files: Annotated[int, msgspec.Meta(ge=1, le=100)] = 4


class CheckpointSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where checkpoints go and how a complete one is recognised.

    ``dir`` is on storage that every node of the job sees; each attempt gets ``dir/JOB/attempt-N`` as
    MAINSTAY_CHECKPOINT_DIR. ``pattern`` names the file that appears last, by an atomic rename, with ``{step}`` where
    the step stands: ``step-{step}.pt``, or ``step-{step}/.metadata`` for torch.distributed.checkpoint.
    """

    dir: AbsolutePath
    pattern: Annotated[
        str,
        form(
            r"^(?!/)(?!.*\.\.)[^{}]*\{step\}[^{}]*" + END,
            "a relative path with {step} in it once, such as step-{step}.pt",
        ),
    ] = "step-{step}.pt"


class RestartSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """When to give up. The job fails after more than ``max_failures`` attempts whose failure started in the script, or
    after ``max_fruitless`` attempts in a row, whatever ended them, that made no new step."""

    max_failures: Annotated[int, msgspec.Meta(ge=0)] = 3
    max_fruitless: Annotated[int, msgspec.Meta(ge=1)] = 10


class JobSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``name`` is what people call the job; each submission gets an id of its own, such as NAME-1. ``script`` is the
    Python file that every worker runs, with ``args``, by ``interpreter``, in ``directory``.

    ``nodes`` is how many machines, ``workers_per_node`` how many ranks on each; the world size is their product and
    never changes. ``accelerators_per_node`` is how many accelerators a node must have free. ``launcher`` is torchrun,
    started once a node with a static rendezvous; or direct, where the shim starts the workers itself with torchrun's
    environment variables.

    ``environment`` are variables for the workers; those that begin with MAINSTAY_ are refused. ``gang`` says that no
    rank can step without the others; where that is false, a silent node must be proved stopped before the next attempt.
    ``stop_grace_s`` is from SIGTERM to SIGKILL when a person stops the job.
    """

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
    gang: bool = True
    stop_grace_s: Seconds = 10.0
    limits: Limits = Limits()
    log: LogSpec = LogSpec()
    restart: RestartSpec = RestartSpec()
    checkpoint: CheckpointSpec | None = None

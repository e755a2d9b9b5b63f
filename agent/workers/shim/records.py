"""The shim's files: what it is told (spec.json), where it stands (state.json), how it ended (exit.json)."""

import contextlib
import dataclasses
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

PROTOCOL = [1, 0]  # major, minor, of these files and of the socket: raise the first when an older reader would misread

SPEC = "spec.json"
STATE = "state.json"
EXIT = "exit.json"
SOCKET = "shim.sock"
ERRORS = "shim.err"  # what the shim has to say when it fails itself
LOG_DIR = "log"
LOG_NAME = "worker.log"
WORK_DIR = "work"  # the worker's own, everything in it is the worker's word

STARTING = "starting"
RUNNING = "running"
STOPPING = "stopping"
ENDED = "ended"


@dataclass(frozen=True)
class Spec:
    """What to run and as whom, complete: the shim looks nothing up. Written by the agent that starts it."""

    job: str
    attempt: int
    node: str
    boot_id: str
    shim: str  # unique; MAINSTAY_SHIM of every process of the part
    node_rank: int
    nodes: int
    workers_per_node: int
    launcher: str  # "torchrun" or "direct"
    interpreter: str
    script: str
    args: list[str]
    directory: str
    environment: dict[str, str]
    user: str
    uid: int
    gid: int
    groups: list[int]
    home: str
    master_address: str
    master_port: int
    pythonpath: str
    worker_dir: str
    accelerators: list[str] = field(default_factory=list)
    limits: dict[str, int] = field(default_factory=dict)  # name of an RLIMIT_ constant: its value
    log_max_bytes: int = 16 * 2**20
    log_files: int = 4
    checkpoint_dir: str = ""
    checkpoint_pattern: str = ""
    resume_from: str = ""
    resume_step: int | None = None

    @property
    def attempt_id(self) -> str:
        return f"{self.job}.{self.attempt}"

    @property
    def ranks(self) -> range:
        first = self.node_rank * self.workers_per_node
        return range(first, first + self.workers_per_node)

    def save(self, path: str) -> None:
        write_json(path, dataclasses.asdict(self), durable=True)

    @classmethod
    def load(cls, path: str) -> "Spec":
        """Raises OSError, or ValueError when the file is not a spec. A newer writer's fields are skipped."""
        with open(path, encoding="utf-8") as file:
            values = json.load(file)
        known = {entry.name for entry in dataclasses.fields(cls)}
        try:
            return cls(**{name: value for name, value in values.items() if name in known})
        except (AttributeError, TypeError) as error:
            raise ValueError(f"{path}: not a spec: {error}") from None


def utc_now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds")


def write_json(path: str, value: Any, *, durable: bool) -> None:
    """Replaces the file whole. Durable: it is on the disk on return."""
    with _written(path, value, durable) as temporary:
        os.replace(temporary, path)
    if durable:
        sync_directory(os.path.dirname(path) or ".")


def claim_json(path: str, value: Any) -> bool:
    """Makes the file unless it exists; of several who try at once, one gets True."""
    with _written(path, value, True) as temporary:
        try:
            os.link(temporary, path)
        except FileExistsError:
            return False
    sync_directory(os.path.dirname(path) or ".")
    return True


def sync_directory(path: str) -> None:
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


@contextlib.contextmanager
def _written(path: str, value: Any, durable: bool) -> Iterator[str]:
    temporary = f"{path}.{os.getpid()}"
    try:
        fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(fd, "w", encoding="utf-8") as file:
            json.dump(value, file)
            file.flush()
            if durable:
                os.fsync(fd)
        yield temporary
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)

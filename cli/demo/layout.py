"""Where the demo keeps what, below one directory."""

import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cli.demo.errors import DemoFailed
from cli.errors import Invalid

NODES = {f"n{number}": f"127.0.0.{10 + number}" for number in range(1, 5)}
JOB = "bytes-lm"
SCRIPT = "bytes_lm.py"
MARK = ".mainstay-demo"
EXAMPLES = Path(__file__).resolve().parent.parent.parent / "examples"


@dataclass(frozen=True)
class Layout:
    root: Path
    nodes: Mapping[str, str] = field(default_factory=lambda: NODES)  # name: address

    @property
    def controller_config(self) -> Path:
        return self.root / "controller.toml"

    @property
    def controller_state(self) -> Path:
        return self.root / "controller"

    @property
    def database(self) -> Path:
        return self.controller_state / "controller.db"

    @property
    def token(self) -> Path:
        return self.controller_state / "admin.token"

    @property
    def ca(self) -> Path:
        return self.controller_state / "ca" / "ca.pem"

    @property
    def job(self) -> Path:
        """Script and job file, for the workers' user to read."""
        return self.root / "job"

    @property
    def script(self) -> Path:
        return self.job / SCRIPT

    @property
    def job_file(self) -> Path:
        return self.job / "bytes-lm.toml"

    @property
    def checkpoints(self) -> Path:
        return self.root / "checkpoints"

    @property
    def cold(self) -> Path:
        return self.root / "cold"

    @property
    def daemons(self) -> Path:
        """Which processes were started, for a later --stop."""
        return self.root / "daemons.json"

    def log(self, daemon: str) -> Path:
        return self.root / f"{daemon}.log"

    def node_config(self, node: str) -> Path:
        return self.root / f"{node}.toml"

    def node_state(self, node: str) -> Path:
        return self.root / node

    def join_token(self, node: str) -> Path:
        return self.root / f"{node}.token"

    def part(self, node: str, job: str, attempt: int) -> Path:
        return self.node_state(node) / "attempts" / f"{job}.{attempt}"

    def job_log(self, node: str, job: str, attempt: int) -> Path:
        return self.part(node, job, attempt) / "log" / "worker.log"


def make(directory: Path | None, nodes: Mapping[str, str] = NODES) -> Layout:
    """A directory others may pass through: a new one below /var/tmp, or ``directory``, which must be empty."""
    if directory is None:
        root = Path(tempfile.mkdtemp(prefix="mainstay-demo-", dir="/var/tmp"))
    else:
        root = directory.absolute()
        _make_empty(root)
    layout = Layout(root, nodes)
    root.chmod(0o755)
    for each in (layout.job, layout.checkpoints, layout.cold):
        each.mkdir()
        each.chmod(0o755)
    (root / MARK).touch()
    return layout


def _make_empty(root: Path) -> None:
    try:
        root.mkdir(parents=True, exist_ok=True)
        occupied = any(root.iterdir())
    except OSError as error:
        raise Invalid(f"--dir {root}: {error.strerror}; name a directory you may write to") from None
    if occupied:
        raise Invalid(f"--dir {root}: not empty; name a new directory")


def example() -> Path:
    """The training script that is shipped beside the packages. Raises DemoFailed."""
    path = EXAMPLES / SCRIPT
    if not os.access(path, os.R_OK):
        raise DemoFailed(f"{path}: not there; run the demo from a clone of the repository")
    return path

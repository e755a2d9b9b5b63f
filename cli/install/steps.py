"""What an installation is made of. Each step knows whether it is needed, and says so in one line before it acts."""

import os
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from cli.errors import Failed
from cli.install.place import Place

ROOT = "root"


class Step(Protocol):
    def pending(self) -> str:
        """What is to be done, as "make directory /x"; empty when nothing is."""

    def apply(self) -> None: ...


def carry_out(steps: Iterable[Step], say: Callable[[str], None], *, dry_run: bool) -> int:
    """How many were needed. Raises Failed."""
    count = 0
    for step in steps:
        if todo := step.pending():
            count += 1
            say(f"would {todo}" if dry_run else todo)
            if not dry_run:
                _apply(step, todo)
    return count


def _apply(step: Step, todo: str) -> None:
    try:
        step.apply()
    except OSError as error:
        raise Failed(f"could not {todo}: {error.strerror or error}; mend that and run it again") from None


@dataclass(frozen=True)
class Owner:
    """``mode`` in full, as chmod takes it."""

    place: Place
    user: str
    group: str
    mode: int

    def fits(self, path: Path) -> bool:
        found = path.stat()
        return (found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode)) == (*self._ids(), self.mode)

    def give(self, path: Path | int) -> None:
        os.chown(path, *self._ids())
        os.chmod(path, self.mode)

    def _ids(self) -> tuple[int, int]:
        """-1 for who is not there yet."""
        return self.place.uid(self.user), self.place.gid(self.group)

    def __str__(self) -> str:
        return f"{self.user}:{self.group} {self.mode:04o}"


@dataclass(frozen=True)
class Directory:
    path: Path
    owner: Owner

    def pending(self) -> str:
        if not self.path.is_dir():
            return f"make directory {self.path} ({self.owner})"
        return "" if self.owner.fits(self.path) else f"give directory {self.path} to {self.owner}"

    def apply(self) -> None:
        self.path.mkdir(parents=True, exist_ok=True)
        self.owner.give(self.path)


@dataclass(frozen=True)
class File:
    """With ``once`` a file that is there stays as it is: it is somebody's own by then."""

    path: Path
    content: str
    owner: Owner
    once: bool = False

    def pending(self) -> str:
        if not self.path.exists():
            return f"write {self.path} ({self.owner})"
        if not self.once and self.path.read_text() != self.content:
            return f"replace {self.path}"
        return "" if self.owner.fits(self.path) else f"give {self.path} to {self.owner}"

    @property
    def kept(self) -> bool:
        """Somebody wrote something else there, which stays."""
        return self.once and self.path.exists() and self.path.read_text() != self.content

    def apply(self) -> None:
        """It has its name only once it is whole, and nobody else's eyes on it before."""
        if self.once and self.path.exists():
            self.owner.give(self.path)
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=self.path.parent, prefix=f".{self.path.name}.")
        with os.fdopen(descriptor, "w") as file:
            file.write(self.content)
            file.flush()
            self.owner.give(descriptor)
            os.fsync(descriptor)
        os.replace(name, self.path)


@dataclass(frozen=True)
class User:
    """Made by systemd-sysusers(8) from ``file``, which is there already."""

    place: Place
    name: str
    file: Path

    def pending(self) -> str:
        missing = self.place.uid(self.name) < 0 or self.place.gid(self.name) < 0
        return f"make user and group {self.name}" if missing else ""

    def apply(self) -> None:
        call(["systemd-sysusers", *self.place.option("--root"), str(self.file)])


@dataclass(frozen=True)
class NoUser:
    place: Place
    name: str

    def pending(self) -> str:
        there = self.place.uid(self.name) >= 0 or self.place.gid(self.name) >= 0
        return f"remove user and group {self.name}" if there else ""

    def apply(self) -> None:
        if self.place.uid(self.name) >= 0:
            call(["userdel", *self.place.option("--prefix"), self.name])
        if self.place.gid(self.name) >= 0:
            call(["groupdel", *self.place.option("--prefix"), self.name])


@dataclass(frozen=True)
class Gone:
    """A file, or a directory with all that is in it."""

    path: Path

    def pending(self) -> str:
        return f"remove {self.path}" if os.path.lexists(self.path) else ""

    def apply(self) -> None:
        if self.path.is_dir() and not self.path.is_symlink():
            shutil.rmtree(self.path)
        else:
            self.path.unlink()


@dataclass(frozen=True)
class GoneIfEmpty:
    path: Path

    def pending(self) -> str:
        return f"remove {self.path}, which is empty" if self.path.is_dir() and not any(self.path.iterdir()) else ""

    def apply(self) -> None:
        self.path.rmdir()


@dataclass(frozen=True)
class Do:
    """Anything else: ``todo`` is what it says when ``needed``."""

    todo: str
    needed: Callable[[], bool]
    work: Callable[[], None]

    def pending(self) -> str:
        return self.todo if self.needed() else ""

    def apply(self) -> None:
        self.work()


def call(argv: list[str], *, timeout_s: float = 180.0) -> str:
    """What it printed. Raises Failed with its own last line."""
    try:
        done = subprocess.run(
            argv, capture_output=True, text=True, timeout=timeout_s, check=False, stdin=subprocess.DEVNULL
        )
    except FileNotFoundError:
        raise Failed(f"{argv[0]}: no such program; is this a machine with systemd?") from None
    except subprocess.TimeoutExpired:
        raise Failed(f"{' '.join(argv)}: no end within {timeout_s:g} s") from None
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip().rpartition("\n")[2]
        raise Failed(f"{' '.join(argv)}: {said or f'exit status {done.returncode}'}")
    return done.stdout

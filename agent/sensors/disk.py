"""File systems: space, inodes, whether they can be written, and whether they answer.

One that is behind a network or a daemon (NFS, Lustre, FUSE) is asked in a process of its own with a short deadline: a
dead one is found hung, holds up no other, and is not asked again before that process has come back.
"""

import errno
import os
from collections.abc import Iterable
from enum import StrEnum

import msgspec

from agent.sensors import Cadence, Family, Host, Seconds
from agent.sensors.mount_question import Answer, Key, Leftover, Question, Room, hear, leftovers
from agent.sensors.mount_table import Entry, fstab_writable, parse
from agent.sensors.pseudofiles import PROC, text
from wire.names import AbsolutePath

MOST = 64
FSTAB = "/etc/fstab"
DENIED = os.strerror(errno.EACCES)


class Options(Cadence, frozen=True):
    """``mounts``: directories whose file systems are looked at; empty: every mount that keeps data. ``ignore``: mount
    points that are left alone. ``required``: what must be mounted. ``answer_s``: how long all that are remote together
    have to answer; one that doesn't is hung. ``remote_every_s``: each is asked at most so often, since that starts a
    process."""

    every_s: Seconds = 30.0
    mounts: tuple[AbsolutePath, ...] = ()
    ignore: tuple[AbsolutePath, ...] = ()
    required: tuple[AbsolutePath, ...] = ()
    answer_s: Seconds = 2.0
    remote_every_s: Seconds = 60.0

    def __post_init__(self) -> None:
        if self.answer_s >= self.deadline_s:
            raise ValueError(f"answer_s ({self.answer_s:g}) must be less than deadline_s ({self.deadline_s:g})")


class State(StrEnum):
    ANSWERED = "answered"
    HUNG = "hung"
    MISSING = "missing"  # required, and not mounted
    FAILED = "failed"  # it answered with an error


class Mount(msgspec.Struct, frozen=True):
    """``bytes_free`` and ``inodes_free`` are what an ordinary user can have; None unless it answered. A file system
    without a table of inodes has ``inodes`` 0. ``read_only``: nobody can write there; ``lost_writes``: and nobody asked
    for that. ``remote``: others may share it. ``silent_s``: how long it hangs."""

    path: str
    state: State = State.ANSWERED
    bytes: int | None = None
    bytes_free: int | None = None
    inodes: int | None = None
    inodes_free: int | None = None
    read_only: bool = False
    lost_writes: bool = False
    required: bool = False
    remote: bool = False
    silent_s: float = 0.0
    error: str = ""
    kind: str = ""
    device: str = ""


class Reading(msgspec.Struct, frozen=True):
    """At most MOST mounts, those that are required first."""

    mounts: list[Mount]


class FileSystems:
    """Remembers what hangs, and what could be written."""

    def __init__(self, options: Options, proc: str = PROC, fstab: str = FSTAB) -> None:
        self._options, self._proc, self._fstab = options, proc, fstab
        self._asked: dict[Key, Question | Leftover] = {**leftovers(options.answer_s)}
        self._written: set[str] = set()

    def read(self) -> Reading | None:
        table = parse(text(f"{self._proc}/self/mountinfo") or "")
        machine = parse(text(f"{self._proc}/1/mountinfo") or "")
        wanted = _wanted(table, self._options)
        self._ask([(entry.number, path) for path, entry in wanted.items() if entry is not None and entry.remote])
        should = fstab_writable(text(self._fstab) or "")
        mounts = [self._mount(path, entry, machine.get(path), should) for path, entry in wanted.items()]
        found = [mount for mount in mounts if mount is not None]
        return Reading(found) if found else None

    def _ask(self, remote: list[Key]) -> None:
        """All at once. One that hasn't answered isn't asked again; it may be unmounted meanwhile."""
        self._asked = {key: asked for key, asked in self._asked.items() if key in remote or not asked.done}
        for key in remote:
            if self._due(self._asked.get(key)):
                self._asked[key] = Question(key)
        hear(self._asked.values(), self._options.answer_s)

    def _due(self, asked: Question | Leftover | None) -> bool:
        if asked is None or not asked.done:
            return asked is None
        return asked.answer is None or asked.age_s >= self._options.remote_every_s

    def _mount(self, path: str, entry: Entry | None, machine: Entry | None, should: frozenset[str]) -> Mount | None:
        if entry is None:
            return Mount(path, State.MISSING, required=True)
        known = Mount(
            path,
            kind=entry.kind,
            device=entry.device,
            required=path in self._options.required,
            remote=entry.remote,
            read_only=entry.read_only,
            lost_writes=self._lost_writes(entry, machine, should),
        )
        if not entry.remote:
            return _told(known, _statvfs(path))
        asked = self._asked[entry.number, path]
        if asked.answer is None:
            return msgspec.structs.replace(known, state=State.HUNG, silent_s=asked.age_s)
        return _told(known, asked.answer)

    def _lost_writes(self, entry: Entry, machine: Entry | None, should: frozenset[str]) -> bool:
        """An error makes a file system read-only and leaves the mount's own options; whoever says ``remount,ro``
        changes both. In a sandbox (ProtectSystem=) its own options say nothing: those that the machine's first process
        sees do (``machine``). Where that hides its mounts (hidepid), fstab tells, and what was seen."""
        if not entry.read_only:
            self._written.add(entry.path)
            return False
        if machine is not None and machine.number == entry.number:
            return "rw" in machine.options
        return "rw" in entry.options or entry.path in should or entry.path in self._written

    def tell(self, news: bytes) -> None:
        raise NotImplementedError


def attach(options: Options, _host: Host) -> FileSystems:
    return FileSystems(options)


def _wanted(table: dict[str, Entry], options: Options) -> dict[str, Entry | None]:
    """Bind mounts of one file system count once, under its shortest path."""
    wanted: dict[str, Entry | None] = {path: table.get(path) for path in options.required}
    for path in options.mounts:
        wanted.setdefault(path, _holding(path, table))
    if not options.mounts:
        seen: set[str] = set()
        for entry in sorted(table.values(), key=lambda entry: (len(entry.path), entry.path)):
            if entry.keeps_data and entry.number not in seen:
                seen.add(entry.number)
                wanted.setdefault(entry.path, entry)
    kept = [(path, entry) for path, entry in wanted.items() if path not in options.ignore]
    return dict(kept[:MOST])


def _holding(path: str, table: dict[str, Entry]) -> Entry | None:
    """The mount that a directory is in, by name alone: a link is not followed, since it may lead to a dead one."""
    place = path.rstrip("/") or "/"
    while place not in table and place != "/":
        place = os.path.dirname(place)
    return table.get(place)


def _statvfs(path: str) -> Answer:
    try:
        found = os.statvfs(path)
    except OSError as error:
        return error.strerror or str(error)
    size = found.f_frsize
    return Room(found.f_blocks * size, found.f_bavail * size, found.f_files, found.f_favail)


def _told(mount: Mount, answer: Answer) -> Mount | None:
    """None for a user's own FUSE mount, which shows itself to nobody else."""
    if answer == DENIED:
        return None
    if isinstance(answer, str):
        return msgspec.structs.replace(mount, state=State.FAILED, error=answer)
    return msgspec.structs.replace(mount, **msgspec.structs.asdict(answer))


def metrics(reading: Reading) -> Iterable[Family]:
    there = [mount for mount in reading.mounts if mount.state is not State.MISSING]
    answered = [mount for mount in there if mount.state is State.ANSWERED]
    for name, field, help_ in (
        ("node_filesystem_size_bytes", "bytes", "Filesystem size in bytes."),
        ("node_filesystem_avail_bytes", "bytes_free", "Filesystem space available to non-root users in bytes."),
        ("node_filesystem_files", "inodes", "Filesystem total file nodes."),
        ("node_filesystem_files_free", "inodes_free", "Filesystem total free file nodes."),
    ):
        yield Family(name, help_, [(_labels(mount), float(getattr(mount, field) or 0)) for mount in answered])
    read_only = [(_labels(mount), float(mount.read_only)) for mount in there]
    yield Family("node_filesystem_readonly", "Filesystem read-only status.", read_only)
    silent = [(_labels(mount), float(mount.state is not State.ANSWERED)) for mount in there]
    yield Family("node_filesystem_device_error", "Whether it hangs, or answers with an error.", silent)


def _labels(mount: Mount) -> dict[str, str]:
    return {"device": mount.device, "fstype": mount.kind, "mountpoint": mount.path}

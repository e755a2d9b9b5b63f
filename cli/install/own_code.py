"""May services run this very code? Root runs some of it, so only root may be able to change it; all must reach it."""

import os
import stat
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from cli.errors import Refused

PROGRAMS = ("mainstay", "mainstay-agent")
HOME = "a virtual environment of root's such as /opt/mainstay: python3 -m venv /opt/mainstay"


def programs() -> Path:
    """The directory that units name: as it was called, or else where links lead. Raises Refused with the mend."""
    called = Path(sys.prefix)
    for prefix in (called, called.resolve()):
        if not _fault(prefix):
            return prefix / "bin"
    raise Refused(f"{_fault(called.resolve())}; install Mainstay into {HOME}")


def _fault(prefix: Path) -> str:
    for name in PROGRAMS:
        if not (prefix / "bin" / name).is_file():
            return f"{prefix / 'bin' / name}: no such program"
    for path in _ways([prefix, Path(sys.executable).resolve(), *_imported()]):
        if fault := _judge(path):
            return fault
    return next((fault for path in _below([prefix, *_own_packages()]) if (fault := _judge(path))), "")


def _judge(path: Path) -> str:
    found = path.lstat()
    if stat.S_ISLNK(found.st_mode):
        return ""
    return judge(path, found.st_mode, found.st_uid, found.st_gid)


def judge(path: Path, mode: int, uid: int, gid: int) -> str:
    """What keeps services from using it, or empty. A sticky directory is writable, but not what is in it."""
    if uid != 0:
        return f"{path} belongs to another user (uid {uid}), who could change what root runs"
    group_writes = mode & stat.S_IWGRP and gid != 0
    if (group_writes or mode & stat.S_IWOTH) and not (stat.S_ISDIR(mode) and mode & stat.S_ISVTX):
        return f"{path} is writable by others ({stat.S_IMODE(mode):04o}), who could change what root runs"
    if stat.S_ISDIR(mode) and not mode & stat.S_IXOTH:
        return f"{path} lets only root through ({stat.S_IMODE(mode):04o}), so that the services' users cannot reach it"
    if stat.S_ISREG(mode) and not mode & stat.S_IROTH:
        return f"{path} is for root alone to read ({stat.S_IMODE(mode):04o})"
    return ""


def _imported() -> list[Path]:
    """Where this Python looks for modules, but for the directory it was called in."""
    return [Path(each) for each in sys.path if each and Path(each).exists() and Path(each) != Path.cwd()]


def _own_packages() -> list[Path]:
    """Beside this one: in a clone they lie outside the virtual environment."""
    house = Path(__file__).resolve().parent.parent.parent
    return [house / name for name in ("agent", "cli", "controller", "mainstay", "remediations", "service", "wire")]


def _ways(paths: Iterable[Path]) -> Iterator[Path]:
    """Each directory on the way to each of them."""
    yield from dict.fromkeys(each for path in paths for each in (path.resolve(), *path.resolve().parents))


def _below(paths: Iterable[Path]) -> Iterator[Path]:
    for top in paths:
        for directory, folders, files in os.walk(top):
            yield from (Path(directory, name) for name in (*folders, *files))

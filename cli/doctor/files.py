"""Files, users, space: who owns what, and who could change it."""

import grp
import os
import pwd
import shutil
import stat
from collections.abc import Callable, Sequence
from pathlib import Path

from cli.doctor.finding import Seen, fail, ok, warn

GIB = 2**30
SPACE_LOW, SPACE_GONE = 1.0, 0.1  # GiB: a spool and a database fit into little, logs do not


def owned(path: Path, owner: str, *, beyond: int) -> Seen:
    """It belongs to ``owner``, and nobody has a right of ``beyond`` on it (0o077: none but the owner any)."""
    found = path.stat()
    mode = stat.S_IMODE(found.st_mode)
    holder = user_name(found.st_uid)
    if holder != owner:
        return fail(f"{path} belongs to {holder}", f"chown {owner} {path}")
    if mode & beyond:
        return fail(f"{path} has the rights {mode:04o}", f"chmod {mode & ~beyond:04o} {path}")
    return ok(f"{path} is {owner}'s, {mode:04o}")


def socket_for(path: Path, group: str) -> Seen:
    """Root's socket, which ``group`` and nobody else may use."""
    if not path.exists():
        return fail(f"{path} is not there", "systemctl enable --now mainstay-helper.socket")
    found = path.stat()
    mode, holder = stat.S_IMODE(found.st_mode), group_name(found.st_gid)
    if not stat.S_ISSOCK(found.st_mode) or (found.st_uid, holder, mode) != (0, group, 0o660):
        shown = f"{user_name(found.st_uid)}:{holder} {mode:04o}"
        return fail(f"{path} is {shown}, not root:{group} 0660", "systemctl restart mainstay-helper.socket")
    return ok(f"{path} is for {group} only")


def user(name: str) -> Seen:
    try:
        return ok(f"{name}, uid {pwd.getpwnam(name).pw_uid}")
    except KeyError:
        return fail(f"there is no user {name}", "run `mainstay install` again")


def space(path: Path) -> Seen:
    there = next(each for each in (path, *path.parents) if each.exists())
    free = shutil.disk_usage(there).free / GIB
    text = f"{free:.1f} GiB free below {path}"
    if free < SPACE_GONE:
        return fail(text, "free space there")
    return warn(text, "free space there") if free < SPACE_LOW else ok(text)


def hold(path: Path) -> Seen:
    if path.exists():
        return warn(f"{path} is there: nothing new is started here", f"when you are done: rm {path}")
    return ok("no hold file")


def workers(
    users: Sequence[str], roots: Sequence[str], interpreters: Sequence[str]
) -> list[tuple[str, Callable[[], Seen]]]:
    """What a node's configuration lets jobs use must be there."""
    return [
        ("jobs' users", lambda: _all("user", users, _is_user)),
        ("jobs' roots", lambda: _all("directory", roots, os.path.isdir)),
        ("interpreters", lambda: _all("program", interpreters, lambda path: os.access(path, os.X_OK))),
    ]


def _all(noun: str, names: Sequence[str], is_one: Callable[[str], bool]) -> Seen:
    if not names:
        return warn("none is listed: no job can run here", "list some in [workers] of agent.toml")
    if missing := [name for name in names if not is_one(name)]:
        return fail(f"no such {noun}: {', '.join(missing)}", "make it, or remove it from [workers] of agent.toml")
    return ok(", ".join(names))


def _is_user(name: str) -> bool:
    try:
        return pwd.getpwnam(name).pw_uid != 0
    except KeyError:
        return False


def user_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def group_name(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)

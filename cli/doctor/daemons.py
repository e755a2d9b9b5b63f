"""What the daemons say of their own configuration, asked as the user they run as."""

import os
import pwd
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from cli.doctor.finding import Seen, fail, ok, unseen

ASK_S = 30.0


@dataclass(frozen=True)
class Asked:
    """``value`` is what it answered; without one ``seen`` says why."""

    seen: Seen
    value: dict[str, Any] | None = None


def configuration(argv: Sequence[str], file: Path, user: str | None) -> Asked:
    """The configuration as its daemon takes it."""
    if not _readable(file):
        return Asked(unseen(f"{file} is not for this user"))
    done = _ask([*argv, "config", "show", "--config", str(file)], user)
    if done.returncode != 0:
        return Asked(fail(_last(done.stderr), f"mend it in {file}"))
    return Asked(ok(f"{file} is valid"), msgspec.json.decode(done.stdout))


def says(argv: Sequence[str], user: str | None, mend: str) -> Callable[[], Seen]:
    """A look that is the daemon's own: done is well."""

    def look() -> Seen:
        done = _ask(argv, user)
        return ok(done.stdout.strip()) if done.returncode == 0 else fail(_last(done.stderr), mend)

    return look


def _ask(argv: Sequence[str], user: str | None) -> subprocess.CompletedProcess[str]:
    """Root becomes ``user``: what that one cannot read, its daemon cannot either."""
    becoming: dict[str, Any] = {}
    if user is not None and os.geteuid() == 0:
        try:
            entry = pwd.getpwnam(user)
        except KeyError:
            return subprocess.CompletedProcess(argv, 1, "", f"there is no user {user}")
        becoming = {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
    try:
        return subprocess.run(argv, capture_output=True, text=True, timeout=ASK_S, check=False, cwd="/", **becoming)
    except (subprocess.TimeoutExpired, PermissionError) as error:
        return subprocess.CompletedProcess(argv, 1, "", f"{argv[0]}: {error}")


def _readable(file: Path) -> bool:
    return os.access(file, os.R_OK) or not file.exists()


def _last(text: str) -> str:
    """The last line without the program's name in front."""
    line = text.strip().rpartition("\n")[2]
    return line.partition(": ")[2] if line.startswith("mainstay") else line

"""As whom the demo's workers run: never as root."""

import os
import pwd
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from cli.demo.errors import DemoFailed

# The virtual environment itself, not a link to it from a clone that the workers' user may not enter.
INTERPRETER = str(Path(sys.prefix).resolve() / "bin" / "python")
READY_S = 180.0  # importing torch for the first time reads a gigabyte
PROBE = "import torch.distributed.run, torch._dynamo"


class Account(msgspec.Struct, frozen=True):
    name: str
    uid: int
    gid: int

    @property
    def becoming(self) -> dict[str, Any]:
        """Arguments to Popen that start a process as this user."""
        if os.geteuid() != 0:
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}

    def give(self, path: Path) -> None:
        if os.geteuid() == 0:
            os.chown(path, self.uid, self.gid)


def choose(environment: Mapping[str, str]) -> Account:
    """This user; for root who called sudo, or else nobody."""
    uid = os.geteuid()
    if uid != 0:
        return _account(pwd.getpwuid(uid).pw_name)
    sudo = environment.get("SUDO_USER", "")
    return _account(sudo if sudo not in ("", "root") else "nobody")


def check(account: Account, script: Path) -> None:
    """Can the workers' user run the interpreter, import torch and read the script? Raises DemoFailed with the mend.

    It also warms the page cache, so that the cold start measured next is not the disk's.
    """
    interpreter = INTERPRETER
    mend = f"let {account.name} pass to it (chmod o+x on its parent directories), or run the demo as another user"
    if not _succeeds(account, [interpreter, "-c", ""]):
        raise DemoFailed(f"workers run as {account.name}, who cannot run {interpreter}; {mend}")
    if not _succeeds(account, [interpreter, "-c", f"open({str(script)!r}).close()"]):
        raise DemoFailed(f"workers run as {account.name}, who cannot read {script}; {mend}")
    if not _succeeds(account, [interpreter, "-c", PROBE]):
        raise DemoFailed(
            f"{interpreter} cannot import torch as {account.name}; install it: pip install 'mainstay[train]'"
        )


def _succeeds(account: Account, argv: list[str]) -> bool:
    quiet = subprocess.DEVNULL
    try:
        done = subprocess.run(
            argv, stdin=quiet, stdout=quiet, stderr=quiet, cwd="/", timeout=READY_S, check=False, **account.becoming
        )
    except (OSError, subprocess.SubprocessError):
        return False
    return done.returncode == 0


def _account(name: str) -> Account:
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        raise DemoFailed(f"there is no user {name} for the workers; run the demo as an ordinary user") from None
    return Account(name, entry.pw_uid, entry.pw_gid)

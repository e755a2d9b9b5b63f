"""What every machine needs: a clock that is right, cgroups, one version of everything."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

from cli.doctor.finding import Seen, ok, unseen, warn

CGROUPS = Path("/sys/fs/cgroup")


def looks() -> list[tuple[str, Callable[[], Seen]]]:
    return [("version", _version), ("clock", _clock), ("cgroups", cgroups)]


def _version() -> Seen:
    return ok(f"mainstay {metadata.version('mainstay')}, Python {sys.version.split()[0]}, in {sys.prefix}")


def _clock() -> Seen:
    if shutil.which("timedatectl") is None:
        return unseen("no timedatectl here to ask", "see that it is kept right: records and certificates need it")
    argv = ["timedatectl", "show", "--property=NTPSynchronized", "--value"]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=10, check=False)
    if done.returncode != 0:
        return unseen("nobody to ask about the clock", "see that it is kept right: records and certificates need it")
    if done.stdout.strip() != "yes":
        return warn("the clock is not synchronised", "run a time service, such as chrony or systemd-timesyncd")
    return ok("synchronised")


def cgroups(root: Path = CGROUPS) -> Seen:
    """Version 2 with cgroup.kill (Linux 5.14) lets an attempt be killed as a whole."""
    if not (root / "cgroup.controllers").exists():
        return warn("cgroups of version 1: parts are killed process by process", "boot with cgroups of version 2")
    if not any(root.glob("*/cgroup.kill")):
        return warn("version 2 without cgroup.kill: parts are killed process by process", "use Linux 5.14 or later")
    return ok("version 2 with cgroup.kill")

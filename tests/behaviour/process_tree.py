"""Which processes belong to what, read from /proc."""

import contextlib
import os
from collections.abc import Callable
from pathlib import Path


def environment_of(pid: int) -> dict[str, str]:
    """The environment it was started with; empty for one that is gone or a kernel thread."""
    try:
        entries = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return {}
    return dict(entry.decode(errors="replace").partition("=")[::2] for entry in entries if b"=" in entry)


def all_pids() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (OSError, IndexError):
        return False
    return state not in ("Z", "X")


def workers_below(directory: Path) -> dict[int, dict[str, str]]:
    """Live processes of attempts whose files lie below the directory, with their environments."""
    environments = {pid: environment_of(pid) for pid in all_pids()}
    return {
        pid: names
        for pid, names in environments.items()
        if names.get("MAINSTAY_WORKER_DIR", "").startswith(f"{directory}/") and alive(pid)
    }


def processes_below(directory: Path) -> list[int]:
    """Live processes whose command line names a path below the directory."""
    found = []
    for pid in all_pids():
        with contextlib.suppress(OSError):
            command = Path(f"/proc/{pid}/cmdline").read_bytes()
            if f"{directory}/".encode() in command and alive(pid):
                found.append(pid)
    return found


def send_all(pids: Callable[[], list[int]], signal_number: int) -> None:
    """To each of them; twice, so that what was started in between gets it too."""
    for _ in range(2):
        for pid in pids():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal_number)

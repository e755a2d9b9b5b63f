"""Nothing that a run started outlives it, whatever became of the run."""

import os
import signal
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import psutil

from cli import processes

MARK = "BENCH_RESUME_RUN"  # in the environment of all that this program starts
SHIM = "/agent/workers/shim/__main__.py"  # but for shims, whose environment is empty; they name the part they run
SWEEPS = 5
GONE_S = 5.0


@contextmanager
def swept(root: Path) -> Iterator[str]:
    """Gives the mark. At the end, whatever bears it is killed, and every shim of a part below ``root``."""
    mark = uuid.uuid4().hex
    os.environ[MARK] = mark
    try:
        yield mark
    finally:
        with _uninterrupted():
            sweep(lambda: marked(mark, root))


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """An impatient second Ctrl-C has to wait."""
    former = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)


def sweep(find: Callable[[], Sequence[psutil.Process]]) -> int:
    """SIGKILL, again and again until none is found; gives how many there were. Raises RuntimeError if some stay."""
    count = 0
    for _ in range(SWEEPS):
        found = find()
        if not found:
            return count
        count += processes.kill(found)
        psutil.wait_procs(found, timeout=GONE_S)
    raise RuntimeError(f"{len(find())} processes could not be ended")


def marked(mark: str, root: Path) -> list[psutil.Process]:
    """Alive, and not this program itself."""
    return [
        process for process in psutil.process_iter() if process.pid != os.getpid() and _is_ours(process, mark, root)
    ]


def _is_ours(process: psutil.Process, mark: str, root: Path) -> bool:
    try:
        if process.status() == psutil.STATUS_ZOMBIE:
            return False
        return process.environ().get(MARK) == mark or names_part(process.cmdline(), root)
    except (psutil.Error, OSError):
        return False


def names_part(command: Sequence[str], root: Path) -> bool:
    """Is it a shim's command line, of a part below ``root``?"""
    return any(word.endswith(SHIM) for word in command) and any(word.startswith(f"{root}/") for word in command)

"""The daemons that a command starts: it ends those, and what they started, and no others."""

import json
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import msgspec
import psutil

GONE_S = 10.0
SWEEPS = 2


class Daemon(msgspec.Struct, frozen=True):
    """``created`` is psutil's start time: with the pid it names a process for good."""

    name: str
    pid: int
    created: float

    @property
    def process(self) -> psutil.Process | None:
        """None when it has ended."""
        try:
            process = psutil.Process(self.pid)
            if process.create_time() == self.created and process.status() != psutil.STATUS_ZOMBIE:
                return process
        except psutil.NoSuchProcess:
            pass
        return None


def start(name: str, module: str, config: Path, log: Path) -> Daemon:
    """``python -m MODULE run --config CONFIG``, in a session of its own; it outlives this command."""
    with log.open("ab") as output:
        argv = [sys.executable, "-m", module, "run", "--config", str(config)]
        process = subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )
    return Daemon(name, process.pid, psutil.Process(process.pid).create_time())


def parts(state_dir: Path) -> list[str]:
    """The node's parts whose shim lives, as JOB.N."""
    files = sorted(state_dir.glob("attempts/*/state.json"))
    return [path.parent.name for path in files if (claim := _claim(path)) and claim[1] is not None]


def of_node(state_dir: Path) -> list[psutil.Process]:
    """Shims of this node's attempts, their workers, and whatever those started."""
    claims = [claim for path in state_dir.glob("attempts/*/state.json") if (claim := _claim(path))]
    names = {shim for shim, _ in claims}
    found = {process for _, process in claims if process is not None}
    if names:
        found |= {process for process in psutil.process_iter() if _mark(process) in names}
    return [*found, *(child for process in found for child in _children(process) if child not in found)]


def kill(processes: Iterable[psutil.Process]) -> int:
    """SIGKILL to each; gives how many there were."""
    count = 0
    for process in processes:
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue
        count += 1
    return count


def kill_node(agent: psutil.Process | None, state_dir: Path) -> tuple[int, list[psutil.Process]]:
    """Agent, shims and workers, all at once, and again what a fork brought meanwhile.

    How many there were at first, and all that were no agent.
    """
    found = of_node(state_dir)
    agents = [agent] if agent is not None else []
    killed = kill([*agents, *found])
    psutil.wait_procs([*agents, *found], timeout=GONE_S)
    for _ in range(SWEEPS):
        again = _alive(of_node(state_dir))
        kill(again)
        found += again
        psutil.wait_procs(again, timeout=GONE_S)
    return killed, found


def end(daemons: Iterable[Daemon], grace_s: float) -> None:
    """SIGTERM, then SIGKILL to what is left after ``grace_s``."""
    processes = [process for daemon in daemons if (process := daemon.process)]
    for process in processes:
        try:
            process.terminate()
        except psutil.NoSuchProcess:
            continue
    _, left = psutil.wait_procs(processes, timeout=grace_s)
    kill(left)
    psutil.wait_procs(left, timeout=GONE_S)


def _alive(processes: Iterable[psutil.Process]) -> list[psutil.Process]:
    alive = []
    for process in processes:
        try:
            if process.status() != psutil.STATUS_ZOMBIE:
                alive.append(process)
        except psutil.NoSuchProcess:
            continue
    return alive


def _claim(state_file: Path) -> tuple[str, psutil.Process | None] | None:
    """The shim's mark, and its process if it lives; its command line names the attempt's directory."""
    try:
        state = json.loads(state_file.read_bytes())
        mark, pid = str(state["shim"]), int(state["shim_pid"])
    except (OSError, ValueError, KeyError):
        return None
    if not mark:
        return None
    try:
        process = psutil.Process(pid)
        return mark, process if str(state_file.parent) in process.cmdline() else None
    except (psutil.Error, ValueError):
        return mark, None


def _mark(process: psutil.Process) -> str | None:
    try:
        return process.environ().get("MAINSTAY_SHIM")
    except (psutil.Error, OSError):
        return None


def _children(process: psutil.Process) -> list[psutil.Process]:
    try:
        return process.children(recursive=True)
    except psutil.NoSuchProcess:
        return []

"""A cluster of real processes for behaviour tests: a controller, agents, shims and workers, over TLS on loopback.

What is asked of it, and what its workers witness, is in fakes/observed_cluster.py.
"""

import contextlib
import itertools
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from fakes.observed_cluster import FAKES, GANG_WORKER, ObservedCluster, eventually
from process_tree import environment_of, processes_below, send_all, workers_below

__all__ = ["eventually", "given_cluster"]

START_S = 20.0
WORKER_USER = "nobody" if os.geteuid() == 0 else os.environ.get("USER", "")
WORKER_PYTHON = "/usr/bin/python3" if os.geteuid() == 0 else sys.executable


class Daemon:
    """One of Mainstay's own processes, its output in a file."""

    def __init__(self, argv: list[str], log: Path) -> None:
        self.argv, self.log = argv, log
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(self.argv, stdout=log, stderr=log, start_new_session=True)

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def kill(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait(timeout=10)

    def said(self) -> str:
        return self.log.read_text(errors="replace") if self.log.exists() else ""


class ProcessNode:
    """A node: its agent, and whatever its agent has started."""

    def __init__(self, name: str, directory: Path, address: str) -> None:
        self.name, self.directory, self.address = name, directory, address
        self.config = directory / "agent.toml"
        argv = [sys.executable, "-m", "agent.main", "run", "--config", str(self.config)]
        self.agent = Daemon(argv, directory / "agent.log")

    def start(self) -> None:
        self.agent.start()

    def kill_agent(self) -> None:
        self.agent.kill()

    def pids(self) -> list[int]:
        """The agent, its shims and their workers."""
        return [self.agent.pid, *workers_below(self.directory), *processes_below(self.directory)]

    def kill(self) -> None:
        send_all(self.pids, signal.SIGKILL)
        self.agent.kill()

    def freeze(self) -> None:
        send_all(self.pids, signal.SIGSTOP)

    def thaw(self) -> None:
        send_all(self.pids, signal.SIGCONT)


class ProcessCluster(ObservedCluster):
    def __init__(self, directory: Path, names: list[str], subnet: int) -> None:
        self.directory = directory
        self.host = f"127.0.{subnet}.1"
        super().__init__(f"{self.host}:7400", directory / "controller", directory / "shared", WORKER_PYTHON)
        self.controller_config = directory / "controller.toml"
        argv = [sys.executable, "-m", "controller.main", "run", "--config", str(self.controller_config)]
        self.controller = Daemon(argv, directory / "controller.log")
        self.nodes = {
            name: ProcessNode(name, directory / name, f"127.0.{subnet}.{10 + int(name[1:])}") for name in names
        }

    # -- life

    def start(self) -> None:
        self._lay_out()
        self.start_controller()
        for node in self.nodes.values():
            self._join(node)
            node.start()
        eventually("every node is ready", lambda: all(self.ready(name) for name in self.nodes), START_S)

    def start_controller(self) -> None:
        self.controller.start()
        eventually("the controller answers", self._answers, START_S)

    def kill_controller(self) -> None:
        self.controller.kill()

    def tear_down(self) -> None:
        for node in self.nodes.values():
            with contextlib.suppress(AssertionError):
                node.kill()
        self.controller.kill()
        self.close()

    def show_logs(self) -> None:
        for daemon in [self.controller, *(node.agent for node in self.nodes.values())]:
            print(f"--- {daemon.log.parent.name}/{daemon.log.name}\n{daemon.said()[-3000:]}")

    def _lay_out(self) -> None:
        self.directory.chmod(0o755)
        self.shared.mkdir()
        (self.shared / GANG_WORKER).write_bytes((FAKES / GANG_WORKER).read_bytes())
        if os.geteuid() == 0:
            shutil.chown(self.shared, WORKER_USER)
        self.controller_config.write_text(
            f'state_dir = "{self.directory}/controller"\nadmin_user = "{WORKER_USER}"\n'
            f'[api]\nlisten = "{self.host}:7400"\n[link]\nlisten = "{self.host}:7401"\n'
            '[automation]\nfirst_mode = "auto"\n'
        )

    def _join(self, node: ProcessNode) -> None:
        node.directory.mkdir()
        node.config.write_text(
            f'node = "{node.name}"\naddress = "{node.address}"\napi = "{self.host}:7400"\n'
            f'controllers = ["{self.host}:7401"]\n'
            f'state_dir = "{node.directory}/state"\nhold_file = "{node.directory}/hold"\n'
            f'[workers]\ninterpreters = ["{WORKER_PYTHON}"]\nroots = ["{self.shared}"]\nusers = ["{WORKER_USER}"]\n'
        )
        made = self.post("tokens", {"kind": "join", "name": node.name})
        token_file = node.directory / "token"
        token_file.write_text(made["token"])
        argv = [sys.executable, "-m", "agent.main", "join", "--token-file", str(token_file)]
        argv += ["--ca-fingerprint", made["ca_fingerprint"], "--config", str(node.config)]
        subprocess.run(argv, check=True, timeout=START_S, capture_output=True)

    def _answers(self) -> bool:
        if self.controller.process is not None and self.controller.process.poll() is not None:
            raise AssertionError(f"the controller ended: {self.controller.said()[-2000:]}")
        return self.answers()

    # -- processes

    def processes(self, job: str, attempt: int) -> list[int]:
        """Every process of an attempt anywhere in the cluster, its shims excepted."""
        return [
            pid
            for pid, names in workers_below(self.directory).items()
            if (names["MAINSTAY_JOB"], names["MAINSTAY_ATTEMPT"]) == (job, str(attempt))
        ]

    def signal_worker(self, job: str, attempt: int, rank: int, signal_number: int) -> None:
        workers = [pid for pid in self.processes(job, attempt) if environment_of(pid).get("RANK") == str(rank)]
        for pid in workers:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal_number)


_subnets = itertools.count(20 + os.getpid() % 200)


@contextlib.contextmanager
def given_cluster(names: list[str]) -> Iterator[ProcessCluster]:
    """Started, every node ready; torn down by pid at the end."""
    directory = Path(tempfile.mkdtemp(prefix="mainstay-"))
    made = ProcessCluster(directory, names, next(_subnets) % 250 + 1)
    try:
        made.start()
        yield made
    except BaseException:
        made.show_logs()
        raise
    finally:
        made.tear_down()
        shutil.rmtree(directory, ignore_errors=True)

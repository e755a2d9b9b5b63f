"""A cluster of real processes for behaviour tests: a controller, agents, shims and workers, over TLS on loopback.

Every wait has a deadline and says what it waited for. A witness outside Mainstay, a file that workers append to with
fsync, tells what really started and stopped.
"""

import contextlib
import itertools
import os
import shutil
import signal
import ssl
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import httpx
import msgspec
from process_tree import environment_of, processes_below, send_all, workers_below

from wire.api import (
    ENDED_JOB_PHASES,
    EventView,
    Health,
    JobView,
    NodePhase,
    NodeView,
    PartView,
    RunPhase,
    RunView,
)

T = TypeVar("T")
FAKES = Path(__file__).resolve().parent.parent / "fakes"
GANG_WORKER = "gang_worker.py"
DEADLINE_S = 30.0
START_S = 20.0
WORKER_USER = "nobody" if os.geteuid() == 0 else os.environ.get("USER", "")
WORKER_PYTHON = "/usr/bin/python3" if os.geteuid() == 0 else sys.executable


def eventually(what: str, look: Callable[[], T], deadline_s: float = DEADLINE_S) -> T:
    """The first truthy answer; fails naming ``what`` and the last answer when there is none in time."""
    end = time.monotonic() + deadline_s
    answer: Any = None
    while time.monotonic() < end:
        with contextlib.suppress(httpx.TransportError):
            answer = look()
            if answer:
                return answer
        time.sleep(0.05)
    raise AssertionError(f"not within {deadline_s} s: {what}; last seen: {answer!r}")


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


class ProcessCluster:
    def __init__(self, directory: Path, names: list[str], subnet: int) -> None:
        self.directory = directory
        self.shared = directory / "shared"
        self.witness_file = self.shared / "witness"
        self.host = f"127.0.{subnet}.1"
        self.controller_config = directory / "controller.toml"
        argv = [sys.executable, "-m", "controller.main", "run", "--config", str(self.controller_config)]
        self.controller = Daemon(argv, directory / "controller.log")
        self.nodes = {
            name: ProcessNode(name, directory / name, f"127.0.{subnet}.{10 + int(name[1:])}") for name in names
        }
        self._http: httpx.Client | None = None

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
        if self._http is not None:
            self._http.close()

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

    # -- the API

    @property
    def http(self) -> httpx.Client:
        if self._http is None:
            state = self.directory / "controller"
            token = (state / "admin.token").read_text().strip()
            trust = ssl.create_default_context(cafile=str(state / "ca" / "ca.pem"))
            headers = {"Authorization": f"Bearer {token}"}
            self._http = httpx.Client(base_url=f"https://{self.host}:7400/v1/", verify=trust, headers=headers)
        return self._http

    def _answers(self) -> bool:
        if self.controller.process is not None and self.controller.process.poll() is not None:
            raise AssertionError(f"the controller ended: {self.controller.said()[-2000:]}")
        state = self.directory / "controller"
        ready = (state / "admin.token").exists() and (state / "ca" / "ca.pem").exists()
        return ready and self.http.get("status").status_code == 200

    def get(self, path: str, kind: type[T]) -> T:
        response = self.http.get(path)
        assert response.status_code == 200, response.text
        return msgspec.json.decode(response.content, type=kind)

    def post(self, path: str, body: dict[str, Any]) -> Any:
        response = self.http.post(path, json=body)
        assert response.is_success, response.text
        return response.json()

    def job(self, job: str) -> JobView:
        return self.get(f"jobs/{job}", JobView)

    def node(self, name: str) -> NodeView:
        return self.get(f"nodes/{name}", NodeView)

    def runs(self) -> list[RunView]:
        return self.get("runs", list[RunView])

    def events(self, **about: str) -> list[EventView]:
        query = "&".join(f"{key}={value}" for key, value in about.items())
        return self.get(f"events?limit=1000&{query}", list[EventView])

    def cordon(self, node: str, reason: str) -> None:
        self.post(f"nodes/{node}/cordon", {"reason": reason})

    def stop(self, job: str) -> None:
        self.post(f"jobs/{job}/stop", {})

    # -- given

    def submit(self, name: str, nodes: int = 3, steps: int = 1_000_000, **fields: Any) -> str:
        args = ["--steps", str(steps), "--step-s", "0.02", "--checkpoint-every", "10"]
        args += ["--witness", str(self.witness_file), *fields.pop("args", [])]
        spec = {
            "name": name,
            "script": str(self.shared / GANG_WORKER),
            "directory": str(self.shared),
            "interpreter": WORKER_PYTHON,
            "launcher": "direct",
            "nodes": nodes,
            "args": args,
            "stop_grace_s": 1.0,
            "checkpoint": {"dir": str(self.shared / f"{name}-checkpoints")},
        }
        return self.post("jobs", {**spec, **fields})["id"]

    def given_a_running_job(self, name: str = "lm", nodes: int = 3, **fields: Any) -> str:
        job = self.submit(name, nodes, **fields)
        self.then_it_resumes(job, attempt=1)
        return job

    # -- then

    def then_it_resumes(self, job: str, attempt: int, deadline_s: float = DEADLINE_S) -> JobView:
        """The attempt runs, makes steps, and has published a checkpoint of its own."""

        def stepping() -> JobView | None:
            view = self.job(job)
            runs = view.phase == "running" and view.attempt >= attempt and bool(view.step)
            fresh = view.checkpoint is not None and view.checkpoint.attempt == view.attempt
            return view if runs and fresh else None

        return eventually(f"attempt {attempt} of {job} steps", stepping, deadline_s)

    def ready(self, name: str) -> NodeView | None:
        node = self.node(name)
        automation = [hold for hold in node.holds if hold.owner.startswith("mainstay:")]
        fit = node.phase is NodePhase.READY and node.health is Health.HEALTHY and not automation
        return node if fit else None

    def waits(self, job: str, reason: str) -> JobView | None:
        view = self.job(job)
        return view if view.reason == reason else None

    def ended(self, job: str) -> JobView | None:
        view = self.job(job)
        return view if view.phase in ENDED_JOB_PHASES else None

    def run_in(self, phase: RunPhase) -> RunView | None:
        return next((run for run in self.runs() if run.phase is phase), None)

    def node_of(self, job: str, rank: int) -> str:
        return next(part.node for part in self.job(job).attempts[-1].parts if part.node_rank == rank)

    def part(self, job: str, attempt: int, node: str) -> PartView:
        [found] = [part for part in self.job(job).attempts[attempt - 1].parts if part.node == node]
        return msgspec.structs.replace(found, step=found.step or 0)

    def world_size(self, job: str, attempt: int) -> int:
        """As the workers themselves saw it: how many ranks of the attempt started."""
        return len({rank for verb, j, a, rank in self.witness() if (verb, j, a) == ("start", job, attempt)})

    def checkpoint_before(self, job: str, attempt: int) -> int:
        """The newest step published by the time an attempt was placed."""
        newest = 0
        for event in self.events(job=job):
            if event.kind == "attempt_placed" and event.attempt == attempt:
                return newest
            if event.kind == "checkpoint_published":
                newest = max(newest, event.detail["step"])
        raise AssertionError(f"attempt {attempt} of {job} was never placed")

    def published_by(self, job: str, attempt: int) -> list[int]:
        events = [e for e in self.events(job=job) if e.kind == "checkpoint_published" and e.attempt == attempt]
        return [event.detail["step"] for event in events]

    # -- processes and the witness

    def first_sign(self, node: str, since: datetime) -> EventView | None:
        """The controller's first word about its contact with a node."""
        signs = [event for event in self.events(node=node) if event.kind == "node_contact" and event.at >= since]
        return signs[0] if signs else None

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

    def witness(self) -> list[tuple[str, str, int, int]]:
        lines = [line.split() for line in self.witness_file.read_text().splitlines()]
        return [(verb, job, int(attempt), int(rank)) for verb, job, attempt, rank, *_ in lines]

    def witnessed_twice(self) -> list[tuple[str, str, int, int]]:
        return [line for line, count in Counter(self.witness()).items() if count > 1]

    def witnessed_attempts(self, job: str) -> list[int]:
        return sorted({attempt for verb, j, attempt, _ in self.witness() if (verb, j) == ("start", job)})

    def witnessed_overlaps(self, job: str) -> list[int]:
        """Attempts that began while every rank of an older one was still there to step with."""
        alive: dict[int, set[int]] = {}
        sizes: dict[int, int] = Counter(a for verb, j, a, _ in self.witness() if (verb, j) == ("start", job))
        overlapping = []
        for verb, j, attempt, rank in self.witness():
            if j != job:
                continue
            if verb == "start":
                whole = [old for old, ranks in alive.items() if old < attempt and len(ranks) == sizes[old]]
                overlapping += [attempt] if whole and not self._gone(job, whole) else []
                alive.setdefault(attempt, set()).add(rank)
            else:
                alive.get(attempt, set()).discard(rank)
        return overlapping

    def _gone(self, job: str, attempts: list[int]) -> bool:
        """Ranks killed by SIGKILL write no line; their node's exit record does."""
        ends = [part.exit for old in attempts for part in self.job(job).attempts[old - 1].parts]
        return any(end is not None for end in ends)

    def steps_missed(self, job: str) -> list[int]:
        """Gaps or repetitions in the steps rank 0 wrote down, in the newest attempt."""
        log = self.http.get(f"jobs/{job}/logs?max_bytes=1000000").text
        steps = [int(line.split()[1]) for line in log.splitlines() if line.startswith("step ")]
        return [step for before, step in itertools.pairwise(steps) if step != before + 1]

    @staticmethod
    def pause(seconds: float) -> None:
        """Let time pass: what is tested is what happens meanwhile."""
        time.sleep(seconds)


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

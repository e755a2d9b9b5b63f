"""A cluster as its users see it, through the API, and as a witness outside Mainstay does.

The witness is a file that workers append to with fsync: it tells what really started and stopped. Where the cluster
runs, and how it is injured, is for those who derive from it.
"""

import contextlib
import itertools
import ssl
import time
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import httpx
import msgspec

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
FAKES = Path(__file__).resolve().parent
GANG_WORKER = "gang_worker.py"
DEADLINE_S = 60.0


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


class ObservedCluster:
    """``api``: HOST:PORT; ``state``: the controller's state directory.

    ``shared``: the directory that all nodes see, by its name there; ``here``: by its name on this machine.
    """

    def __init__(self, api: str, state: Path, shared: Path, interpreter: str, here: Path | None = None) -> None:
        self.api, self.state, self.shared, self.interpreter = api, state, shared, interpreter
        self.witness_file = (here or shared) / "witness"
        self._http: httpx.Client | None = None

    def close(self) -> None:
        if self._http is not None:
            self._http.close()
            self._http = None

    # -- the API

    @property
    def http(self) -> httpx.Client:
        if self._http is None:
            token = (self.state / "admin.token").read_text().strip()
            trust = ssl.create_default_context(cafile=str(self.state / "ca" / "ca.pem"))
            headers = {"Authorization": f"Bearer {token}"}
            self._http = httpx.Client(base_url=f"https://{self.api}/v1/", verify=trust, headers=headers)
        return self._http

    def answers(self) -> bool:
        ready = (self.state / "admin.token").exists() and (self.state / "ca" / "ca.pem").exists()
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
        args += ["--witness", str(self.shared / "witness"), *fields.pop("args", [])]
        spec = {
            "name": name,
            "script": str(self.shared / GANG_WORKER),
            "directory": str(self.shared),
            "interpreter": self.interpreter,
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

    def first_sign(self, node: str, since: datetime) -> EventView | None:
        """The controller's first word about its contact with a node."""
        signs = [event for event in self.events(node=node) if event.kind == "node_contact" and event.at >= since]
        return signs[0] if signs else None

    def steps_missed(self, job: str) -> list[int]:
        """Gaps or repetitions in the steps rank 0 wrote down, in the newest attempt."""
        log = self.http.get(f"jobs/{job}/logs?max_bytes=1000000").text
        steps = [int(line.split()[1]) for line in log.splitlines() if line.startswith("step ")]
        return [step for before, step in itertools.pairwise(steps) if step != before + 1]

    @staticmethod
    def pause(seconds: float) -> None:
        """Let time pass: what is tested is what happens meanwhile."""
        time.sleep(seconds)

    # -- the witness

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

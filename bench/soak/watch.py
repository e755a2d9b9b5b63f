"""Looks on once a second: memory of the daemons, what the controller says of the nodes, and its history."""

import threading
import time
from collections import defaultdict
from contextlib import closing, suppress
from typing import Any

import msgspec
import psutil

from bench.soak import history
from bench.soak.growth import Sample
from bench.soak.stage import serves
from bench.soak.violation import Violation
from cli.client import Client
from cli.demo.cluster import Cluster
from cli.errors import CliError

EVERY_S = 1.0
ANSWER_S = 5.0
MIB = 2**20
ROLES = ("controller", "agent")


class Seen(msgspec.Struct):
    """``memory``: by role and incarnation. ``in_service``: by node or "controller", when it was seen so."""

    memory: dict[str, dict[tuple[int, float], list[Sample]]] = {}
    in_service: dict[str, list[float]] = {}
    violations: list[Violation] = []

    def as_kept(self) -> dict[str, Any]:
        """For a file; an incarnation's name is its pid."""
        memory = {role: {str(pid): samples for (pid, _), samples in each.items()} for role, each in self.memory.items()}
        return {"memory": memory, "in_service": self.in_service}


class Watch(threading.Thread):
    def __init__(self, cluster: Cluster) -> None:
        super().__init__(name="watch", daemon=True)
        self.seen = Seen({role: {} for role in ROLES}, defaultdict(list), [])
        self._cluster = cluster
        self._over = threading.Event()
        self._progress: dict[str, tuple[int, int]] = {}

    def end(self) -> Seen:
        self._over.set()
        self.join()
        return self.seen

    def run(self) -> None:
        with closing(self._cluster.connect(ANSWER_S)) as client:
            while not self._over.wait(EVERY_S):
                self._memory()
                self._read_history()
                self._ask(client)

    def _memory(self) -> None:
        for daemon in list(self._cluster.daemons.values()):
            try:
                rss = psutil.Process(daemon.pid).memory_info().rss
            except psutil.Error:
                continue
            role = "controller" if daemon.name == "controller" else "agent"
            sample = Sample(time.time() - daemon.created, rss / MIB)
            self.seen.memory[role].setdefault((daemon.pid, daemon.created), []).append(sample)

    def _ask(self, client: Client) -> None:
        """A controller that is down, or stopped, says nothing: it is to be seen again later."""
        at = time.time()
        with suppress(CliError):
            for name in ("controller", *(view.name for view in client.nodes() if serves(view))):
                self.seen.in_service[name].append(at)

    def _read_history(self) -> None:
        """What it has written down stays, whatever happens to it."""
        now = history.progress(self._cluster.layout.database)
        for job, before in self._progress.items():
            if now.get(job, (0, 0)) < before:
                told = f"{job}: attempt and step {now.get(job)} after {before}"
                self.seen.violations.append(Violation("the history's step counter goes back", told, time.time()))
        self._progress = now

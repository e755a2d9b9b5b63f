"""Causes a fault on a live cluster, and takes it back."""

import contextlib
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeVar

import psutil

from bench.soak.plan import OF_CONTROLLER, OF_WORKERS, Fault, Kind
from cli import processes
from cli.demo.cluster import Cluster

FIND_S = 15.0  # while the job it would hit recovers from the last fault, there is nothing to hit
GONE_S = 10.0
T = TypeVar("T")


class Member(NamedTuple):
    """A process of a part. ``rank`` is None for a shim."""

    node: str
    job: str
    rank: int | None
    process: psutil.Process

    def __str__(self) -> str:
        return f"{self.node} {self.job} {'shim' if self.rank is None else f'rank {self.rank}'}"


class Blow(NamedTuple):
    """``at``: seconds since 1970. ``target``: "controller" or a node; ``jobs``: with a part there. ``mend`` takes it
    back."""

    at: float
    target: str
    told: str
    jobs: tuple[str, ...]
    mend: Callable[[], None]


def strike(cluster: Cluster, fault: Fault, jobs: Sequence[str]) -> Blow | None:
    """None when there was nothing to hit, such as no worker of any job for FIND_S."""
    if fault.kind in OF_CONTROLLER:
        return _daemon(cluster, fault.kind, "controller", tuple(jobs), cluster.restart_controller)
    if fault.kind in OF_WORKERS:
        return _member(cluster, fault)
    node = _pick(sorted(cluster.layout.nodes), fault.draw)
    hit = tuple(sorted({member.job for member in _members(cluster, node)}))
    if fault.kind is Kind.NODE_KILL:
        at = time.time()
        cluster.kill_node(node)
        return Blow(at, node, node, hit, lambda: cluster.start_agent(node))
    if fault.kind is Kind.NODE_STOP:
        return _stopped_node(cluster, node, hit)
    return _daemon(cluster, fault.kind, node, hit, lambda: cluster.start_agent(node))


def members(cluster: Cluster) -> list[Member]:
    """Every shim and worker of the cluster, in an order that does not hang on pids."""
    found = [member for node in cluster.layout.nodes for member in _members(cluster, node)]
    return sorted(found, key=lambda member: (member.job, member.node, -1 if member.rank is None else member.rank))


def _member(cluster: Cluster, fault: Fault) -> Blow | None:
    shims = fault.kind is Kind.SHIM_KILL
    end = time.monotonic() + FIND_S
    while time.monotonic() < end:
        able = [member for member in members(cluster) if (member.rank is None) is shims]
        if able:
            chosen = _pick(able, fault.draw)
            act = psutil.Process.suspend if fault.kind is Kind.WORKER_STOP else psutil.Process.kill
            with contextlib.suppress(psutil.NoSuchProcess):
                at = time.time()
                act(chosen.process)
                return Blow(at, chosen.node, str(chosen), (chosen.job,), lambda: None)
        time.sleep(0.2)
    return None


def _daemon(cluster: Cluster, kind: Kind, name: str, jobs: tuple[str, ...], restart: Callable[[], None]) -> Blow | None:
    process = cluster.daemons[name].process
    if process is None:
        return None
    at = time.time()
    if kind in (Kind.AGENT_STOP, Kind.CONTROLLER_STOP):
        process.suspend()
        return Blow(at, name, name, jobs, process.resume)
    process.kill()
    psutil.wait_procs([process], timeout=GONE_S)
    return Blow(at, name, name, jobs, restart)


def _stopped_node(cluster: Cluster, node: str, jobs: tuple[str, ...]) -> Blow:
    """Twice, for what was started between looking and stopping."""
    agent = cluster.daemons[node].process
    at = time.time()
    stopped: dict[int, psutil.Process] = {agent.pid: agent} if agent is not None else {}
    for _ in range(2):
        stopped |= {process.pid: process for process in processes.of_node(cluster.layout.node_state(node))}
        _send(psutil.Process.suspend, list(stopped.values()))
    return Blow(at, node, node, jobs, lambda: _send(psutil.Process.resume, list(stopped.values())))


def _send(act: Callable[[psutil.Process], None], to: Sequence[psutil.Process]) -> None:
    for process in to:
        with contextlib.suppress(psutil.NoSuchProcess):
            act(process)


def _members(cluster: Cluster, node: str) -> list[Member]:
    found = (_as_member(node, process) for process in processes.of_node(cluster.layout.node_state(node)))
    return [member for member in found if member is not None]


def _as_member(node: str, process: psutil.Process) -> Member | None:
    """A shim is told by its command line, a worker by what it was started with; a torchrun is neither."""
    try:
        environment, argv = process.environ(), process.cmdline()
    except psutil.Error:
        return None
    if "MAINSTAY_JOB" in environment and "RANK" in environment:
        return Member(node, environment["MAINSTAY_JOB"], int(environment["RANK"]), process)
    part = next((word for word in argv if "/attempts/" in word), "")
    if len(argv) > 1 and argv[-1] == part and argv[-2].endswith("shim/__main__.py"):
        return Member(node, part.rpartition("/")[2].rpartition(".")[0], None, process)
    return None


def _pick(candidates: Sequence[T], draw: float) -> T:
    return candidates[int(draw * len(candidates))]

"""The demo's course: measure, start, train, and then for each fault: kill, watch, bring back, check."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from cli import job_file
from cli.client import Client
from cli.demo import account as accounts
from cli.demo import checks, cold, job_log, work
from cli.demo.checks import Recovery
from cli.demo.cluster import Cluster, in_service
from cli.demo.errors import DemoFailed
from cli.demo.faults import FaultKind, current_attempt, node_of_rank, victim
from cli.demo.job_log import JobLog
from cli.demo.layout import NODES
from cli.demo.story import Story, Subject
from cli.demo.summary import Chapter, Result
from cli.demo.waiting import POLL_S, Waiter
from wire.api import ENDED_JOB_PHASES, EventView, JobPhase, JobView

SETTLED_STEPS = 3  # beyond a checkpoint, so that something is at stake
NOTICES = frozenset({"node_contact", "rank_failed", "part_ended"})


@dataclass(frozen=True)
class Scene:
    """What every step of the demo works with."""

    cluster: Cluster
    client: Client
    story: Story
    wait: Waiter
    job: str

    def look(self) -> JobView:
        """The job now. Raises DemoFailed when it has ended, which it never should."""
        view = self.client.job(self.job)
        if view.phase in ENDED_JOB_PHASES:
            tail = f"; its log ends: {view.log_tail.strip().rpartition(chr(10))[2]}" if view.log_tail else ""
            raise DemoFailed(f"{view.id} {view.phase}: {view.reason} {view.message}{tail}")
        return view

    def log_of(self, node: str, attempt: int) -> JobLog:
        return job_log.read(self.cluster.layout.job_log(node, self.job, attempt))


@dataclass(frozen=True)
class Blow:
    """A fault, and how things stood when it came."""

    subject: Subject
    at: datetime
    mono: float
    rank_0: str
    last_step: int


def measure_cold_start(cluster: Cluster, story: Story) -> float:
    """Prepare the job and start it by plain torchrun, on the same addresses, before anything of Mainstay runs."""
    work.install(cluster.layout, cluster.account)
    accounts.check(cluster.account, cluster.layout.script)
    story.say("cold start", f"{work.WORLD} plain torchruns of the same job, as {cluster.account.name} ...")
    seconds = cold.measure(cluster.layout, cluster.account, Waiter(cluster.layout.cold))
    story.say("cold start", f"first step after {seconds:.1f} s")
    return seconds


@contextmanager
def raised_curtain(cluster: Cluster, story: Story) -> Iterator[Scene]:
    """Start the cluster, submit the job, wait until it trains."""
    wait = Waiter(cluster.layout.root)
    with closing(cluster.start_controller(wait)) as client:
        yield _raise_curtain(cluster, story, wait, client)


def _raise_curtain(cluster: Cluster, story: Story, wait: Waiter, client: Client) -> Scene:
    story.say("controller", f"https://{cluster.api}, its own CA, state in {cluster.layout.controller_state}")
    cluster.join(client)
    for node in NODES:
        cluster.start_agent(node)
    wait.until("all four nodes to be ready", lambda: _all_ready(client))
    story.say("agents", ", ".join(f"{node} on {address}" for node, address in NODES.items()))
    view = client.submit(job_file.read(cluster.layout.job_file))
    scene = Scene(cluster, client, story, wait, view.id)
    view = wait.until(f"{view.id} to train and publish a checkpoint", lambda: _settled(scene))
    spare = ", ".join(sorted(set(NODES) - set(view.nodes)))
    story.say("training", f"{view.id} on {', '.join(view.nodes)}; {spare} is the spare; step {view.step}")
    return scene


def play(scene: Scene, kind: FaultKind, cold_s: float) -> Chapter:
    """One fault from the kill to the checked claims."""
    scene.story.heading(f"{kind}: a node is lost")
    scene.wait.until("four nodes in service", lambda: _all_ready(scene.client))
    blow = _strike(scene, kind, scene.wait.until("steps beyond a checkpoint", lambda: _settled(scene)))
    scene.wait.meanwhile = lambda: scene.story.follow(scene.client)
    after, log, resumed_s = _watch_recovery(scene, blow)
    notice_s = _time_to_notice(scene.story.heard, blow)
    lost = max(0, blow.last_step - log.steps[0] + 1)
    scene.story.say("lost", f"{lost} steps: the last one done was {blow.last_step}")
    _bring_back(scene, blow.subject.node)
    view = scene.look()
    recovery = _recovery(scene, blow, after)
    claims = checks.check(scene.cluster.layout.database, recovery)
    scene.wait.meanwhile = lambda: None
    return Chapter(
        Result(
            resumed=log.steps[0] == (log.resumed_at or 0) + 1 and view.attempt == after,
            rejoined=in_service(scene.client.node(blow.subject.node)),
            world_after=len(view.nodes),
            time_to_notice_s=round(notice_s, 2),
            time_to_resume_s=round(resumed_s, 2),
            lost_steps=lost,
            cold_torchrun_start_s=round(cold_s, 2),
        ),
        claims,
    )


def all_hold(chapters: Mapping[FaultKind, Chapter]) -> bool:
    return bool(chapters) and all(chapter.holds for chapter in chapters.values())


def _strike(scene: Scene, kind: FaultKind, view: JobView) -> Blow:
    attempt = current_attempt(view)
    node, rank_0 = victim(kind, attempt), node_of_rank(attempt, 0)
    subject = Subject(node, scene.job, attempt.number)
    scene.story.skip_to_now(scene.client)
    at, mono = datetime.now(UTC), time.monotonic()
    scene.story.begin(subject, at)
    killed, beside_agent = scene.cluster.kill_node(node)
    role = "it hosts rank 0 and the rendezvous" if node == rank_0 else "not the one of rank 0"
    scene.story.say("fault", f"{node} killed ({role}): agent, shim and workers, {killed} processes, SIGKILL", at)
    if beside_agent == 0:
        raise DemoFailed(f"no worker was found on {node}; nothing was at stake")
    last = scene.log_of(rank_0, attempt.number).last or view.step or 0
    return Blow(subject, at, mono, rank_0, max(last, view.step or 0))


def _watch_recovery(scene: Scene, blow: Blow) -> tuple[int, JobLog, float]:
    """Until the first step of a later attempt is in its log: the attempt, its log, seconds since the fault."""

    def first_new_step() -> tuple[int, JobLog] | None:
        placed = _placed(scene.story.heard, blow.subject)
        if placed is None:
            return None
        number, rank_0 = placed
        log = scene.log_of(rank_0, number)
        return (number, log) if log.steps else None

    what = f"{scene.job} to train again after the loss of {blow.subject.node}"
    number, log = scene.wait.until(what, first_new_step, POLL_S)
    seconds = time.monotonic() - blow.mono
    scene.story.say("first step", f"step {log.steps[0]}, resumed from the checkpoint of step {log.resumed_at}")
    return number, log, seconds


def _placed(heard: Sequence[EventView], subject: Subject) -> tuple[int, str] | None:
    """The newest attempt since, and the node of its rank 0. Raises DemoFailed when the job has ended instead."""
    found = None
    for event in heard:
        if event.kind == "job_phase" and event.reason in ENDED_JOB_PHASES:
            raise DemoFailed(f"{event.job} {event.reason}: {event.message}")
        if event.kind == "attempt_placed" and event.job == subject.job and (event.attempt or 0) > subject.attempt:
            found = event.attempt or 0, str(event.detail["nodes"][0])
    return found


def _bring_back(scene: Scene, node: str) -> None:
    """Start the node's agent again; wait until it was validated and is in service."""
    scene.cluster.start_agent(node)
    scene.story.say("restarted", f"{node} comes back: its agent starts")
    scene.wait.until(f"{node} to be validated and in service", lambda: _rejoined(scene, node), POLL_S)
    scene.story.follow(scene.client)
    view = scene.look()
    spare = "the spare now" if node not in view.nodes else "at work again"
    scene.story.say("rejoined", f"{node} is ready, {spare}; {view.id} is at step {view.step}")


def _rejoined(scene: Scene, node: str) -> bool:
    """In service again, and seen to come back: right after the kill it has not been held yet."""
    lifted = any(event.kind == "hold_lifted" and event.node == node for event in scene.story.heard)
    return lifted and in_service(scene.client.node(node))


def _recovery(scene: Scene, blow: Blow, after: int) -> Recovery:
    rank_0 = node_of_rank(current_attempt(scene.look()), 0)
    before = scene.log_of(blow.rank_0, blow.subject.attempt)
    return Recovery(scene.job, blow.subject.node, blow.subject.attempt, after, before, scene.log_of(rank_0, after))


def _time_to_notice(heard: Sequence[EventView], blow: Blow) -> float:
    """Until the controller recorded the first sign: a broken link, a peer's failure, whichever came first."""
    subject = blow.subject
    signs = [
        event.at
        for event in heard
        if event.kind in NOTICES and (event.node == subject.node or event.attempt == subject.attempt)
    ]
    if not signs:
        raise DemoFailed(f"the controller recorded no sign of the loss of {subject.node}")
    return max(0.0, (min(signs) - blow.at).total_seconds())


def _all_ready(client: Client) -> bool:
    views = client.nodes()
    return len(views) == len(NODES) and all(in_service(view) and view.last_contact_s is not None for view in views)


def _settled(scene: Scene) -> JobView | None:
    """The job, once it trains some steps beyond a checkpoint that its present attempt published."""
    view = scene.look()
    if view.phase is not JobPhase.RUNNING or view.checkpoint is None or view.checkpoint.attempt != view.attempt:
        return None
    at_stake = (view.step or 0) - view.checkpoint.step
    return view if at_stake >= SETTLED_STEPS else None

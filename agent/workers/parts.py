"""This node's parts of attempts: launches, stops, follows and remembers them."""

import asyncio
import contextlib
import logging
from collections import defaultdict
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from pathlib import Path

from agent.clock import Clock, SystemClock
from agent.workers import launch as launching
from agent.workers import part_files
from agent.workers.aside import aside
from agent.workers.launch import Home
from agent.workers.part import Part
from agent.workers.part_files import Claim
from agent.workers.permit import Refusal, permit
from agent.workers.policy import WorkerPolicy
from agent.workers.runtime import DirectRuntime, Runtime
from wire.attempts import End, ExitRecord, FailureKind, PartStatus, RankFailure
from wire.names import attempt_id
from wire.orders import LaunchAttempt, OutcomeReason

KEEP_ENDED = 50
PERMIT_S = 10.0
STARTED_S = 5.0
HEARD_S = 2.0
FOLLOW_AGAIN_S = 1.0

logger = logging.getLogger(__name__)


class Parts:
    """``on_change`` is called on the event loop whenever a part's state, first failure or checkpoints changed."""

    def __init__(
        self,
        state_dir: Path,
        node: str,
        boot_id: str,
        policy: WorkerPolicy,
        on_change: Callable[[PartStatus], None],
        clock: Clock | None = None,
        runtime: Runtime | None = None,
    ) -> None:
        self._runtime = runtime or DirectRuntime()
        self._home = Home(state_dir.absolute(), node, boot_id)
        self._policy = policy
        self._on_change = on_change
        self._clock = clock or SystemClock()
        self._parts: dict[str, Part] = {}
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._tasks: set[asyncio.Task[None]] = set()
        self._removing: asyncio.Task[None] | None = None

    async def recover(self) -> None:
        """At the agent's start: takes up every part on the disk. Returns when the shims that live have answered."""
        attempts = self._home.attempts
        for directory in sorted(attempts.iterdir()) if attempts.is_dir() else ():
            try:
                self._take_up(directory)
            except Exception:  # a full disk, say: one part must not keep the agent from the others
                logger.exception("%s cannot be taken up", directory)
        self.prune()
        recalled = self._spawn(self._recall())
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(HEARD_S):
                await asyncio.gather(asyncio.shield(recalled), *(part.heard.wait() for part in self._parts.values()))

    async def launch(self, order: LaunchAttempt, in_time: Callable[[], bool] = lambda: True) -> PartStatus | Refusal:
        """Starts the part, or says how it stands when it is known. Returns when its programs run, or after 5 s.

        ``in_time`` is asked once more before anything is started: storage, or a suspension, can take long before it.
        """
        name = attempt_id(order.job, order.attempt)
        if name not in self._parts and (refusal := await self._permit(order)) is not None:
            return refusal
        async with self._locks[name]:
            if (part := self._parts.get(name)) is not None:
                return _as_known(part)
            if not in_time():
                return Refusal(OutcomeReason.EXPIRED, "expired while it was looked at; decide again")
            part_or_refusal = await self._start(order, name)
        if isinstance(part_or_refusal, Refusal):
            return part_or_refusal
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(part_or_refusal.started.wait(), STARTED_S)
        return _as_started(part_or_refusal)

    async def stop(self, job: str, attempt: int, grace_s: float) -> PartStatus:
        """SIGTERM, the grace, SIGKILL, sweep. The state is ENDED when no process is left, STOPPING when one resists.

        A part this node knows nothing of is answered NEVER_STARTED, and is never launched from then on.
        """
        name = attempt_id(job, attempt)
        async with self._locks[name]:
            part = self._parts.get(name) or await self._entomb(name, job, attempt)
        await part.stop(grace_s)
        return part.status()

    def statuses(self) -> list[PartStatus]:
        return [part.status() for part in self._parts.values()]

    def tail(self, job: str, attempt: int, max_bytes: int) -> bytes:
        """The end of the part's log; empty for a part this node does not know."""
        part = self._parts.get(attempt_id(job, attempt))
        return b"" if part is None else part_files.tail(part.directory, max_bytes)

    async def leftovers(self) -> list[str]:
        """Processes that former parts of this node left behind, in words: none, unless something is wrong."""
        live = {name: part.shim for name, part in self._parts.items() if not part.ended.is_set()}
        return await self._runtime.strays(self._home.attempts, live.values(), live)

    def prune(self, keep: int = KEEP_ENDED) -> int:
        """Forgets all but the newest ended parts, their logs and records with them; how many."""
        ended = [name for name, part in self._parts.items() if part.exit is not None]
        ended.sort(key=lambda name: _ended_at(self._parts[name]), reverse=True)
        for name in ended[keep:]:
            part_files.forget(self._parts.pop(name).directory, self._home.forgotten)
            self._locks.pop(name, None)
        if self._removing is None or self._removing.done():
            self._removing = self._spawn(self._remove_forgotten())
        return len(ended[keep:])

    async def _remove_forgotten(self) -> None:
        try:
            await self._runtime.remove_below(self._home.forgotten)
        except OSError as error:
            logger.warning("%s; tried again later", error)

    async def close(self) -> None:
        """Stops following; the parts go on by themselves."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # -- launching

    async def _permit(self, order: LaunchAttempt) -> Refusal | None:
        try:
            look = aside(lambda: permit(order, self._policy, self._home.node, any_user=self._runtime.any_user))
            return await asyncio.wait_for(look, PERMIT_S)
        except TimeoutError:
            message = (
                f"script {order.script}: the file system did not answer within {PERMIT_S:g} s on {self._home.node}"
            )
            return Refusal(OutcomeReason.NOT_FOUND, message)

    async def _start(self, order: LaunchAttempt, name: str) -> Part | Refusal:
        directory = self._home.part_dir(name)
        try:
            spec = await aside(lambda: launching.prepare(order, self._home, directory))
            why_not = await launching.start_shim(self._runtime, directory, spec, order)
        except (OSError, KeyError) as error:
            return await self._not_started(name, order, f"{directory}: {error}")
        if why_not is not None and await aside(lambda: part_files.claim(directory, spec)):
            return await self._not_started(name, order, f"the shim did not start: {why_not}")
        part = self._adopt(name, directory)
        if part is None:
            return await self._not_started(name, order, f"{directory}: state.json cannot be read")
        self._follow(part)
        self.prune()
        return part

    async def _not_started(self, name: str, order: LaunchAttempt, message: str) -> Refusal:
        failure = RankFailure(FailureKind.SPAWN, self._clock.utc(), message=message)
        record = ExitRecord(End.FAILED, self._clock.utc(), first_failure=failure)
        with contextlib.suppress(OSError):
            await self._give_up(name, order.job, order.attempt, order.node_rank, record)
        return Refusal(OutcomeReason.SPAWN_FAILED, message)

    async def _entomb(self, name: str, job: str, attempt: int) -> Part:
        return await self._give_up(name, job, attempt, 0, ExitRecord(End.NEVER_STARTED, self._clock.utc()))

    async def _give_up(self, name: str, job: str, attempt: int, node_rank: int, record: ExitRecord) -> Part:
        directory = self._home.part_dir(name)
        own = Claim(job, attempt, self._home.node, node_rank, self._home.boot_id)
        await aside(lambda: part_files.give_up(directory, own, record))
        part = self._adopt(name, directory)
        if part is None:
            raise OSError(f"{directory}: what was written cannot be read back")
        return part

    # -- taking up what is there

    def _take_up(self, directory: Path) -> None:
        spec = part_files.read_spec(directory)
        if part_files.read_claim(directory) is None:
            if spec is None:  # the agent ended while it was making it
                part_files.remove(directory)
                return
            if part_files.claim(directory, spec):
                record = part_files.own_exit(directory, End.SHIM_LOST, self._clock.utc())
                part_files.write_exit(directory, record)
        part = self._adopt(directory.name, directory)
        if part is not None and part.exit is None:
            self._follow(part)

    def _adopt(self, name: str, directory: Path) -> Part | None:
        found = part_files.read_claim(directory)
        if found is None:
            return None
        claim, standing = found
        part = Part(directory, claim, self._home.boot_id, self._clock, self._on_change, self._runtime)
        part.remember(standing, part_files.read_exit(directory))
        self._parts[name] = part
        return part

    async def _recall(self) -> None:
        """One after the other, the newest first: storage that hangs, hangs one thread."""
        ended = [part for part in self._parts.values() if part.exit is not None]
        for part in sorted(ended, key=_ended_at, reverse=True):
            await part.recall()

    def _follow(self, part: Part) -> None:
        self._spawn(_followed(part))

    def _spawn(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


async def _followed(part: Part) -> None:
    """A defect in here must not leave the part as it stands for ever."""
    while not part.ended.is_set():
        try:
            await part.run()
        except Exception:
            logger.exception("following %s failed", part.directory.name)
            await asyncio.sleep(FOLLOW_AGAIN_S)


def _as_known(part: Part) -> PartStatus | Refusal:
    if part.exit is not None and part.exit.end is End.NEVER_STARTED:
        return Refusal(OutcomeReason.STOPPED_BEFORE, "a stop for this attempt came first; launch a new attempt")
    return part.status()


def _as_started(part: Part) -> PartStatus | Refusal:
    """A part whose programs could not be started was not launched."""
    failure = part.exit.first_failure if part.exit is not None else None
    if failure is not None and failure.kind is FailureKind.SPAWN:
        return Refusal(OutcomeReason.SPAWN_FAILED, failure.message)
    return part.status()


def _ended_at(part: Part) -> datetime:
    return part.exit.ended_at if part.exit is not None else datetime.max.replace(tzinfo=UTC)

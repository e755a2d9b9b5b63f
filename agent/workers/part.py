"""One part of an attempt on this node, from its launch to its end; follows the shim, outlived by it."""

import asyncio
import contextlib
import logging
import signal
from collections.abc import Callable, Iterable
from dataclasses import asdict
from pathlib import Path

import msgspec

from agent.clock import Clock
from agent.workers import part_files, shim_client
from agent.workers.aside import aside
from agent.workers.evidence import Evidence
from agent.workers.part_files import Claim
from agent.workers.runtime import Runtime
from agent.workers.shim import failures, procfs, sweep
from agent.workers.shim.control import GRACE_LIMIT_S
from agent.workers.shim.failures import Failure
from agent.workers.shim_client import ShimError, Standing
from wire.attempts import End, ExitRecord, FailureKind, PartState, PartStatus, RankFailure

LOOK_S = 0.25
ASK_AGAIN_S = 0.25
BEYOND_GRACE_S = 3.0

logger = logging.getLogger(__name__)


class Part:
    """``changed`` is called when the state, the first failure or the complete checkpoints have changed."""

    def __init__(
        self,
        directory: Path,
        claim: Claim,
        boot_id: str,
        clock: Clock,
        changed: Callable[[PartStatus], None],
        runtime: Runtime,
    ) -> None:
        self._runtime = runtime
        self.directory = directory
        self._claim = claim
        self._boot_id = boot_id
        self._clock = clock
        self._changed = changed
        self._spec = part_files.read_spec(directory)
        self._evidence = Evidence(directory, self._spec, self._tell) if self._spec is not None else None
        self._state = PartState.STARTING
        self._standing = Standing(PartState.STARTING)
        self._exit: ExitRecord | None = None
        self._failure: RankFailure | None = None
        self._stopping = False  # by order: how workers end from here on is no failure
        self.heard = asyncio.Event()  # from the shim, or that it is gone
        self.started = asyncio.Event()  # or ended
        self.ended = asyncio.Event()

    @property
    def exit(self) -> ExitRecord | None:
        return self._exit

    @property
    def shim(self) -> str:
        """What MAINSTAY_SHIM is in its processes; empty when there never were any."""
        return self._spec.shim if self._spec is not None else self._claim.shim

    def status(self) -> PartStatus:
        return PartStatus(
            job=self._claim.job,
            attempt=self._claim.attempt,
            state=self._state,
            node_rank=self._claim.node_rank,
            boot_id=self._claim.boot_id,
            started_at=self._standing.started_at,
            exit=self._exit,
            ranks=self._evidence.ranks if self._evidence is not None else [],
            checkpoints=self._evidence.checkpoints if self._evidence is not None else [],
            rank_failure=self._failure,
        )

    def remember(self, standing: Standing, record: ExitRecord | None) -> None:
        """What the files say. Tells nobody."""
        self._standing, self._failure = standing, standing.rank_failure
        self._state = standing.state if standing.state is not PartState.ENDED else PartState.STOPPING
        if record is not None:
            self._finish(record)

    async def run(self) -> None:
        """Follows the part until it has ended."""
        looking = asyncio.create_task(self._look_around())
        try:
            record = await self._until_exit()
        finally:
            looking.cancel()
        if self._evidence is not None:
            await self._evidence.finish()
        self._finish(record)
        self._tell()

    async def stop(self, grace_s: float) -> None:
        """Returns when no process is left; when one resists, 3 s after the grace all the same."""
        if self._state is PartState.ENDED:
            return
        self._stopping = True
        grace_s = min(max(0.0, grace_s), GRACE_LIMIT_S)
        try:
            await shim_client.stop(self.directory, grace_s)
        except (OSError, ShimError, TimeoutError):
            if not self.ended.is_set():
                await self._kill_shim()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.ended.wait(), grace_s + BEYOND_GRACE_S)

    async def recall(self) -> None:
        """For a part that had ended when the agent came back: what it had completed. Tells nobody."""
        if self._evidence is not None:
            await self._evidence.recall()

    def _tell(self) -> None:
        self._changed(self.status())

    # -- the shim

    async def _until_exit(self) -> ExitRecord:
        while True:
            if self._claim.boot_id == self._boot_id:
                with contextlib.suppress(OSError, ShimError):
                    if (told := await self._listen()) is not None:
                        return told
            if (record := part_files.read_exit(self.directory)) is not None:
                return record
            if self._is_shim_gone():
                return await self._bury()
            self.heard.set()
            await asyncio.sleep(ASK_AGAIN_S)

    async def _listen(self) -> ExitRecord | None:
        """None when the shim hangs up."""
        async for standing in shim_client.watch(self.directory):
            if standing.exit is not None:
                return standing.exit
            self._take(standing)
        return None

    def _take(self, standing: Standing) -> None:
        before = (self._state, self._failure)
        self._standing, self._state = standing, standing.state
        if self._evidence is not None:
            self._evidence.started(standing.workers)
        self._judge([])
        self.heard.set()
        if standing.state is PartState.RUNNING:
            self.started.set()
        if before != (self._state, self._failure):
            self._tell()

    def _is_shim_gone(self) -> bool:
        if self._claim.boot_id != self._boot_id:
            return True
        return not procfs.is_alive(self._claim.shim_pid, self._claim.shim_start_time)

    async def _kill_shim(self) -> None:
        """It does not answer. What is below it goes with it: of orphans, only those that wear its mark are found."""
        below = await aside(lambda: sweep.children(self._claim.shim_pid))
        process = procfs.read(self._claim.shim_pid)
        if process is None or self._is_shim_gone():
            return
        procfs.send(process, signal.SIGKILL)
        sweep.kill(below)

    async def _bury(self) -> ExitRecord:
        """The shim is gone without a word: ends what it left, and writes the exit record in its place."""
        self.heard.set()
        self._state = PartState.STOPPING
        noted = [] if self._stopping else self._notes()
        cause = _on_wire(failures.first(failure for failure in noted if failure.kind != failures.PEER))
        swept = await self._runtime.sweep(self.directory.name, self.shim, self._known_processes())
        record = part_files.own_exit(self.directory, self._how_lost(), self._clock.utc(), cause or self._failure, swept)
        with contextlib.suppress(OSError):  # a full disk: found and buried again at the agent's next start
            await aside(lambda: part_files.write_exit(self.directory, record))
        return record

    def _known_processes(self) -> set[tuple[int, int]]:
        """Pid and start time of the workers that the shim or they themselves named, in this boot."""
        if self._evidence is None or self._claim.boot_id != self._boot_id:
            return set()
        started = {(worker.pid, worker.start_time) for worker in self._standing.workers.values()}
        return started | self._evidence.processes(self._clock.boottime())

    def _how_lost(self) -> End:
        if self._claim.boot_id != self._boot_id:
            return End.REBOOTED
        return End.STOPPED if self._stopping else End.SHIM_LOST

    def _finish(self, record: ExitRecord) -> None:
        self._exit = record
        self._state = PartState.ENDED
        self._failure = record.first_failure
        if self._evidence is not None:
            self._evidence.ended(self._clock.boottime())
        for event in (self.heard, self.started, self.ended):
            event.set()

    # -- looking around

    async def _look_around(self) -> None:
        """A look that fails costs that look only: the files are the workers' to make, and anything can be in them."""
        while True:
            try:
                self._look(self._clock.boottime())
            except Exception:
                logger.exception("looking after %s failed", self.directory.name)
            await asyncio.sleep(LOOK_S)

    def _look(self, now: float) -> None:
        if self._evidence is None:
            return
        self._evidence.look(now)
        if not self._stopping and self._state is not PartState.STOPPING:
            self._look_at_failures()

    def _look_at_failures(self) -> None:
        """A rank may have failed though its launcher has not noticed, or cannot."""
        before = self._failure
        self._judge(self._notes())
        if self._failure != before:
            self._tell()

    def _judge(self, noted: Iterable[Failure]) -> None:
        """What the shim saw goes with the ranks' own notes; once there is a failure, there is one."""
        wire = [failure for failure in map(_on_wire, noted) if failure is not None]
        known = [failure for failure in (self._standing.rank_failure, self._failure, *wire) if failure is not None]
        self._failure = min(known, key=_precedence, default=None)

    def _notes(self) -> list[Failure]:
        return [] if self._evidence is None else self._evidence.notes()


def _on_wire(failure: Failure | None) -> RankFailure | None:
    return None if failure is None else msgspec.convert(asdict(failure), RankFailure)


def _precedence(failure: RankFailure) -> tuple[bool, bool, bool, float]:
    """As :func:`agent.workers.shim.failures.first`; what is only a guess gives way to what is known."""
    return (
        failure.kind is FailureKind.UNKNOWN,
        failure.kind is FailureKind.PEER,
        failure.kind is not FailureKind.SIGNAL,
        failure.at.timestamp(),
    )

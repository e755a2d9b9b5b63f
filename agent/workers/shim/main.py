"""The shim's life: claim the part, start the workers, watch, stop, sweep, write how it ended."""

import contextlib
import ctypes
import dataclasses
import os
import signal
import time
import traceback
from typing import Any

from agent.workers.shim import failures, group, procfs, records, sweep
from agent.workers.shim.control import Control
from agent.workers.shim.failures import Failure
from agent.workers.shim.gang import Gang
from agent.workers.shim.group import Group
from agent.workers.shim.loop import Loop
from agent.workers.shim.output import Output
from agent.workers.shim.procfs import Process
from agent.workers.shim.records import ENDED, RUNNING, STARTING, STOPPING, Spec, utc_now
from agent.workers.shim.verdict import exit_record
from agent.workers.shim.witness import Witness

OWN_GRACE_S = 10.0  # for the other workers when one failed, and when the shim itself gets SIGTERM
KILL_AGAIN_S = 0.05
SWEEP_S = (0.02, 1.0)  # from one sweep to the next: the first wait, doubled up to the last
WRITE_AGAIN_S = 1.0
PR_SET_CHILD_SUBREAPER = 36


class Shim:
    def __init__(self, spec: Spec, workers: Group | None) -> None:
        self._spec = spec
        self._workers = workers
        self._loop = Loop(self._signalled)
        self._control = Control(self._loop, self._standing, self.stop)
        self._gang = Gang(spec, self._loop, self._started, self._refused, workers)
        self._witness = Witness(spec)
        self._state = STARTING
        self._since = utc_now()
        self._failure: Failure | None = None
        self._exit: dict[str, Any] | None = None
        self._kill_at: float | None = None  # set once the workers have been told to end
        self._killed = False
        self._swept: set[tuple[int, int]] = set()
        self._next_at = 0.0
        self._sweep_wait_s = SWEEP_S[0]

    def claim(self) -> bool:
        """Whether the part is this shim's: another, or the agent that gave it up, may have been first."""
        return records.claim_json(records.STATE, self._record())

    def run(self) -> None:
        """Until the exit record is on the disk."""
        self._control.listen()
        self._output = Output(self._spec, self._loop, self._torchrun_closes)
        self._gang.start(self._output.write_end)
        self._output.workers_have_it()
        while not self._advance():
            self._loop.once(self._timeout())
        self._control.close()

    def stop(self, grace_s: float) -> None:
        """By order. A later order can shorten the grace, not lengthen it."""
        if not self._gang.ended:
            self._witness.order()
            self._end_workers(grace_s)

    # -- what happens

    def _signalled(self, number: int) -> None:
        if number == signal.SIGTERM:
            self.stop(OWN_GRACE_S)
            return
        ended = self._gang.reap()
        for child in ended:
            self._witness.exited(child, told=self._kill_at is not None, killed=self._killed)
        if any(child.exit_code for child in ended):
            self._worker_failed()

    def _started(self) -> None:
        if self._state == STARTING:
            self._become(RUNNING)

    def _refused(self, line: str) -> None:
        self._witness.refused(line)
        self._worker_failed()

    def _worker_failed(self) -> None:
        """The others can't go on without it, and those the shim started itself nobody else ends."""
        if self._witness.ordered or self._gang.ended:
            return
        self._failure = self._witness.cause(self._output.tail())
        self._publish()
        self._end_workers(OWN_GRACE_S)

    def _torchrun_closes(self) -> None:
        if self._kill_at is None:
            self._witness.torchrun_closes()
            self._failure = self._witness.cause(self._output.tail())
            self._publish()

    # -- the end

    def _end_workers(self, grace_s: float) -> None:
        kill_at = time.monotonic() + grace_s
        if self._kill_at is None:
            sweep.terminate(sweep.children(os.getpid()))
            self._kill_at = kill_at
            self._become(STOPPING)
        self._kill_at = min(self._kill_at, kill_at)

    def _advance(self) -> bool:
        """Does what is due now; whether all is done."""
        now = time.monotonic()
        if self._state == ENDED:
            return now >= self._next_at and self._write_exit(now)
        if self._gang.ended:
            return now >= self._next_at and self._sweep(now)
        if self._kill_at is not None and now >= self._kill_at:
            self._killed = True
            _kill(sweep.children(os.getpid()), self._workers)
            self._kill_at = now + KILL_AGAIN_S
        return False

    def _timeout(self) -> float | None:
        due = self._next_at if self._gang.ended else self._kill_at
        return None if due is None else max(0.0, due - time.monotonic())

    def _sweep(self, now: float) -> bool:
        """Again and again until a look finds nothing: what is being killed may be starting more."""
        self._gang.reap()
        found = sweep.leftovers(self._spec.shim, os.getpid(), self._workers)
        if not found:
            return self._finish(now)
        _kill(found, self._workers)
        self._swept.update((process.pid, process.start_time) for process in found)
        self._next_at = now + self._sweep_wait_s
        self._sweep_wait_s = min(self._sweep_wait_s * 2, SWEEP_S[1])
        return False

    def _finish(self, now: float) -> bool:
        self._output.finish()
        log = self._output.tail()
        self._failure = self._witness.final_cause(log)
        self._exit = exit_record(
            self._failure,
            ordered=self._witness.ordered,
            exit_code=self._witness.exit_code,
            swept=len(self._swept),
            log=log,
            at=utc_now(),
        )
        self._state = ENDED
        return self._write_exit(now)

    def _write_exit(self, now: float) -> bool:
        """While the disk is full the record is kept, and told to whoever watches."""
        try:
            records.write_json(records.EXIT, self._exit, durable=True)
        except OSError:
            self._next_at = now + WRITE_AGAIN_S
        else:
            self._next_at = 0.0
        self._publish()
        return self._next_at == 0.0

    # -- what is told

    def _become(self, state: str) -> None:
        self._state = state
        self._publish()

    def _publish(self) -> None:
        with contextlib.suppress(OSError):  # a full disk; the socket tells all the same
            records.write_json(records.STATE, self._record(), durable=False)
        self._control.publish()

    def _record(self) -> dict[str, Any]:
        own = procfs.read(os.getpid())
        return {
            "version": records.PROTOCOL,
            "job": self._spec.job,
            "attempt": self._spec.attempt,
            "node": self._spec.node,
            "node_rank": self._spec.node_rank,
            "boot_id": self._spec.boot_id,
            "shim": self._spec.shim,
            "shim_pid": os.getpid(),
            "shim_start_time": own.start_time if own is not None else 0,
            **self._standing(),
        }

    def _standing(self) -> dict[str, Any]:
        ranked = [child for child in self._gang.children.values() if child.rank is not None]
        return {
            "state": self._state,
            "started_at": self._since,
            "workers": {str(child.rank): {"pid": child.pid, "start_time": child.start_time} for child in ranked},
            "rank_failure": None if self._failure is None else dataclasses.asdict(self._failure),
            "exit": self._exit,
        }


def main(part_dir: str, spec_path: str = records.SPEC) -> None:
    """Returns in the background only; the process that was called ends as soon as the shim is on its own.

    ``spec_path``: where what to run is read, when the part's directory belongs to somebody who may not say it.
    """
    os.chdir(part_dir)
    spec = Spec.load(spec_path)
    workers = group.make()
    if os.fork():
        os._exit(0)
    os.setsid()
    _keep_errors()
    _become_subreaper()
    shim = Shim(spec, workers)
    if not shim.claim():
        return
    try:
        shim.run()
    except Exception as error:
        traceback.print_exc()
        _give_up(spec, workers, error)


def _keep_errors() -> None:
    """Whoever started this reads no more; what goes wrong from here on stands in a file of the part."""
    errors = os.open(records.ERRORS, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    os.dup2(errors, 2)
    os.close(errors)


def _become_subreaper() -> None:
    """Orphans among the workers' children come to this process instead of init. The parent's death changes nothing."""
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "PR_SET_CHILD_SUBREAPER")


def _kill(processes: list[Process], workers: Group | None) -> None:
    sweep.kill(processes)
    if workers is not None:
        workers.kill()


def _give_up(spec: Spec, workers: Group | None, error: Exception) -> None:
    """A defect of the shim's own: no worker may go on unwatched."""
    while found := sweep.leftovers(spec.shim, os.getpid(), workers):
        _kill(found, workers)
        time.sleep(SWEEP_S[0])
    failure = Failure(failures.UNKNOWN, utc_now(), error=type(error).__name__, message=f"the shim failed: {error}")
    record = exit_record(failure, ordered=False, exit_code=None, swept=0, log="", at=utc_now())
    records.write_json(records.EXIT, record, durable=True)

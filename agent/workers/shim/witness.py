"""Collects what failed and when; says what the cause was."""

import os
import signal
from dataclasses import replace

from agent.workers.shim import failures, procfs, untrusted
from agent.workers.shim.failures import Failure
from agent.workers.shim.gang import Child
from agent.workers.shim.records import Spec, utc_now
from agent.workers.shim.verdict import Evidence, cause


class Witness:
    """What is told after ``order`` (a stop was ordered) changes nothing: a worker that is stopped fails in any way."""

    def __init__(self, spec: Spec) -> None:
        self._spec = spec
        self._evidence = Evidence()
        self.exit_code: int | None = 0

    @property
    def ordered(self) -> bool:
        return self._evidence.ordered

    def order(self) -> None:
        if not self._evidence.ordered:
            self._evidence = replace(self._evidence, noted=self._notes(), ordered=True)

    def refused(self, line: str) -> None:
        """A process could not be started."""
        if self._evidence.refusal is None:
            self._evidence.refusal = Failure(failures.SPAWN, utc_now(), message=line)
            self.exit_code = None

    def exited(self, child: Child, *, told: bool, killed: bool) -> None:
        """``told``: the workers have been sent SIGTERM; ``killed``: SIGKILL too."""
        code = child.exit_code or 0
        if code == 0 or self.ordered or (told and not _by_itself(code, killed)):
            return
        self.exit_code = self.exit_code or code
        failure = failures.of_exit(code, utc_now(), child.rank, child.local_rank, child.pid)
        if child.local_rank is None:
            self._evidence.launcher = failure
        else:
            self._evidence.seen.append(failure)

    def torchrun_closes(self) -> None:
        """Names the ranks that are gone; how they ended is in torchrun's report, later."""
        gone = [rank for rank in self._spec.ranks if self._is_gone(rank)]
        text = "it ended, and torchrun is stopping the others"
        self._evidence.seen = [Failure(failures.UNKNOWN, utc_now(), rank, message=text) for rank in gone or (None,)]

    def cause(self, log: str) -> Failure | None:
        """By what is known so far."""
        return cause(replace(self._evidence, noted=self._notes()), log, self._spec.master_port)

    def final_cause(self, log: str) -> Failure | None:
        """With torchrun's report in place of what was guessed; after an order only of ranks that had failed before."""
        if self._spec.launcher == "torchrun":
            reported = failures.of_torchrun(log)
            if self.ordered:
                by_rank = {failure.rank: failure for failure in reported}
                reported = [by_rank.get(failure.rank, failure) for failure in self._evidence.seen]
            self._evidence.seen = reported or self._evidence.seen
        return self.cause(log)

    def _notes(self) -> list[Failure]:
        if self.ordered:
            return self._evidence.noted
        return failures.notes(self._spec.worker_dir, self._spec.ranks, self._spec.uid)

    def _is_gone(self, rank: int) -> bool:
        path = os.path.join(self._spec.worker_dir, f"rank-{rank}.json")
        try:
            registered = untrusted.read_json(path, failures.NOTE_LIMIT, self._spec.uid)
            return not procfs.is_alive(int(registered["pid"]), int(registered["start_time"]))
        except (OSError, ValueError, TypeError, KeyError, OverflowError):
            return False


def _by_itself(code: int, killed: bool) -> bool:
    """Whether a worker that was told to end was killed by something else: how it answers SIGTERM is its own matter."""
    return code < 0 and code != -signal.SIGTERM and not (killed and code == -signal.SIGKILL)

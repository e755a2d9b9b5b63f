"""How much room a file system has, asked in a process of its own (``stat --file-system``).

A server or daemon that never answers can leave who asks it in the kernel for ever, where no signal reaches it: a thread
of the prober would then keep the prober from ending. So the one that is stuck is a small process with nothing open. It
is left behind, one for each file system, and found again by a prober that starts later.
"""

import os
import select
import time
from collections.abc import Iterable

import msgspec

from agent.sensors.pseudofiles import PROC, names, text, whole

TICKS = os.sysconf("SC_CLK_TCK")
NAME = "stat"
MARK = "--printf=mainstay "
FORMAT = " %S %b %a %c %d"
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C"}
PIECE = 4096


class Room(msgspec.Struct, frozen=True):
    """Bytes and inodes: all, and what an ordinary user can have."""

    bytes: int
    bytes_free: int
    inodes: int
    inodes_free: int


Answer = Room | str  # a text is why there is no answer, as strerror(3) says it
Key = tuple[str, str]  # a file system's number, which it keeps while anybody is stuck in it, and the path asked about


class Question:
    """One process that asks. ``answer`` stays None when the process was killed."""

    def __init__(self, key: Key) -> None:
        """Raises OSError."""
        self.answer: Answer | None = None
        self.done = False
        self._asked, self._said = _now(), b""
        self.pipe, end = os.pipe()
        try:
            self.pid = _start(key, end)
        except OSError:
            os.close(self.pipe)
            raise
        finally:
            os.close(end)

    @property
    def age_s(self) -> float:
        return _now() - self._asked

    def hear(self) -> None:
        """Reads what is there; the end of it is the end of the process."""
        if piece := os.read(self.pipe, PIECE):
            self._said += piece
            return
        os.close(self.pipe)
        os.waitpid(self.pid, 0)
        self.done, self.answer = True, _answer(self._said.decode("utf-8", "replace").strip())


class Leftover:
    """A process of an earlier prober that is still stuck."""

    answer: Answer | None = None

    def __init__(self, pid: int, started: int, proc: str) -> None:
        self.pid, self._started, self._proc = pid, started, proc

    @property
    def done(self) -> bool:
        state, started = _state(self._proc, str(self.pid))
        return started != self._started or state in ("Z", "X")

    @property
    def age_s(self) -> float:
        return _now() - self._started / TICKS


def hear(questions: Iterable[Question | Leftover], within_s: float) -> None:
    """Returns when all are answered, or after ``within_s``."""
    open_ = {question.pipe: question for question in questions if isinstance(question, Question) and not question.done}
    poll, until = select.poll(), time.monotonic() + within_s
    for pipe in open_:
        poll.register(pipe, select.POLLIN)
    while open_ and (left_s := until - time.monotonic()) > 0:
        for pipe, _ in poll.poll(left_s * 1000):
            open_[pipe].hear()
            if open_[pipe].done:
                poll.unregister(pipe)
                del open_[pipe]


def leftovers(older_s: float, proc: str = PROC) -> dict[Key, Leftover]:
    """Only what is called ``stat`` is asked for its command line, which a stuck process need not give."""
    found = {}
    for pid in filter(str.isdecimal, names(proc)):
        key, (state, started) = _asked_by(proc, pid), _state(proc, pid)
        if key is not None and started is not None and state != "Z" and _now() - started / TICKS > older_s:
            found[key] = Leftover(int(pid), started, proc)
    return found


def _asked_by(proc: str, pid: str) -> Key | None:
    if (text(f"{proc}/{pid}/comm") or "").strip() != NAME:
        return None
    words = (text(f"{proc}/{pid}/cmdline") or "").split("\0")
    if len(words) < 5 or not words[2].startswith(MARK):
        return None
    return words[2].removeprefix(MARK).partition(" ")[0], words[4]


def _state(proc: str, pid: str) -> tuple[str | None, int | None]:
    """A process's state and when it started, in ticks since boot."""
    fields = (text(f"{proc}/{pid}/stat") or "").rpartition(")")[2].split()
    return (fields[0], whole(fields[19])) if len(fields) > 19 else (None, None)


def _start(key: Key, output: int) -> int:
    number, path = key
    actions = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_DUP2, output, 1),
        (os.POSIX_SPAWN_DUP2, output, 2),
    ]
    command = [NAME, "--file-system", f"{MARK}{number}{FORMAT}", "--", path]
    return os.posix_spawnp(NAME, command, ENVIRONMENT, file_actions=actions)


def _answer(said: str) -> Answer | None:
    """``mainstay``, the file system's number and five more, or ``stat: cannot read ... 'PATH': Permission denied``."""
    if not said:
        return None
    words = said.split()
    known = [number for number in map(whole, words[2:]) if number is not None]
    if words[0] != "mainstay" or len(known) != 5:
        return said.rpartition(": ")[2]
    size, blocks, available, inodes, inodes_free = known
    return Room(blocks * size, available * size, inodes, inodes_free)


def _now() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)

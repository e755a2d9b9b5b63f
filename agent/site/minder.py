"""Runs one command and ends it, with everything it started: ``python -I -S minder.py DEADLINE_S PROGRAM ARGUMENT...``

Standard library only, for it starts anew for each command. What came of it is one line of JSON on stdout: ``status``
(minus a signal's number; null when it never ran or hung), ``hung``, ``stdout``, ``stderr`` (LIMIT bytes of each,
the rest is read and dropped), ``error`` (why it could not be run). It ends when nothing that it started is left; what
is stuck in the kernel keeps it. When stdin is closed, its owner has gone: everything is killed.
"""

import ctypes
import json
import os
import select
import signal
import sys
import time
from contextlib import suppress

LIMIT = 64 * 1024
CHUNK = 64 * 1024
KILL_S = 2.0  # for what is killed to end
PR_SET_CHILD_SUBREAPER = 36
OWNER = 0


def main() -> None:
    deadline = time.monotonic() + float(sys.argv[1])
    # what escapes into a session of its own and loses its parent becomes a child of this process
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    try:
        found = _run(sys.argv[2:], deadline)
    except OSError as error:
        found = {"status": None, "hung": False, "stdout": "", "stderr": "", "error": error.strerror or str(error)}
    _end_all(KILL_S)
    os.write(1, json.dumps(found).encode() + b"\n")
    os.close(1)
    _end_all(float("inf"))


def _run(argv: list[str], deadline: float) -> dict[str, object]:
    wake, woken = os.pipe()
    os.set_blocking(woken, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(woken, warn_on_full_buffer=False)
    pid, outputs = _spawn(argv)
    kept = dict.fromkeys(outputs, b"")
    status = _follow(pid, wake, kept, deadline)
    _drain(kept)
    texts = [data.decode("utf-8", "replace") for data in kept.values()]
    return {"status": status, "hung": status is None, "stdout": texts[0], "stderr": texts[1], "error": ""}


def _spawn(argv: list[str]) -> tuple[int, list[int]]:
    """Its process, and where its output and its errors are read."""
    pipes = [os.pipe(), os.pipe()]
    actions: list[tuple[int, int, int] | tuple[int, int, str, int, int]] = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0)
    ]
    actions += [(os.POSIX_SPAWN_DUP2, pipe[1], number) for number, pipe in enumerate(pipes, start=1)]
    defaults = [signal.SIGPIPE, signal.SIGCHLD]
    pid = os.posix_spawn(argv[0], argv, os.environ, file_actions=actions, setsid=True, setsigdef=defaults)
    for reading, writing in pipes:
        os.close(writing)
        os.set_blocking(reading, False)
    return pid, [reading for reading, _ in pipes]


def _follow(pid: int, wake: int, kept: dict[int, bytes], deadline: float) -> int | None:
    """How it ended; None when time is up."""
    poll = select.poll()
    for number in (OWNER, wake, *kept):
        poll.register(number, select.POLLIN)
    while (left := deadline - time.monotonic()) > 0:
        ready = {number for number, _ in poll.poll(left * 1000)}
        if wake in ready:
            os.read(wake, CHUNK)
            if (status := _reap(pid)) is not None:
                return status
        for number in ready & set(kept):
            if not _take(kept, number):
                poll.unregister(number)
        if OWNER in ready and not os.read(OWNER, CHUNK):
            _end_all(KILL_S)
            os._exit(1)
    return None


def _take(kept: dict[int, bytes], number: int) -> bool:
    """Whether more may come."""
    data = os.read(number, CHUNK)
    kept[number] += data[: LIMIT - len(kept[number])]
    return bool(data)


def _drain(kept: dict[int, bytes]) -> None:
    """What is there already, as far as it would be kept: who still holds the other end is not waited for."""
    for number in kept:
        with suppress(BlockingIOError):
            while len(kept[number]) < LIMIT and _take(kept, number):
                pass


def _reap(wanted: int) -> int | None:
    """Everything that has ended; the status of ``wanted`` if it is among them."""
    status = None
    with suppress(ChildProcessError):
        while (found := os.waitpid(-1, os.WNOHANG))[0]:
            if found[0] == wanted:
                status = os.waitstatus_to_exitcode(found[1])
    return status


def _end_all(within_s: float) -> None:
    """Until nothing is left; again and again, for what is killed may have begun something meanwhile."""
    until, pause = time.monotonic() + within_s, 0.005
    while _alive() and time.monotonic() < until:
        for pid in _descendants(os.getpid()):
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(pause)
        pause = min(2 * pause, 1.0)


def _alive() -> bool:
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return False
    return True


def _descendants(root: int) -> list[int]:
    parents = {int(name): _parent(name) for name in os.listdir("/proc") if name.isdigit()}
    found, more = [], [root]
    while more:
        more = [pid for pid, parent in parents.items() if parent in more]
        found += more
    return found


def _parent(pid: str) -> int:
    """0 for one that has gone."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return int(file.read().rpartition(b")")[2].split()[1])
    except (OSError, IndexError):
        return 0


if __name__ == "__main__":
    main()

"""A process with a deadline that leaves nothing behind: its owner's end of :mod:`agent.site.minder`."""

import os
import selectors
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import msgspec

ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/",
    "LANG": "C.UTF-8",
}
MINDER = Path(__file__).with_name("minder.py")
GRACE_S = 5.0  # for the minder to start and to kill
END_S = 0.5  # for the minder to end after its word
CHUNK = 64 * 1024


class Ended(msgspec.Struct, frozen=True):
    """``status``: of its exit, or minus the number of the signal; None when it hung or never ran, and then ``error``
    says why. ``stdout`` and ``stderr``: their first 64 KiB."""

    status: int | None
    hung: bool = False
    stdout: str = ""
    stderr: str = ""
    error: str = ""


class Minded:
    """Runs ``argv`` again and again, one at a time."""

    def __init__(self, argv: Sequence[str], deadline_s: float) -> None:
        self._argv, self._deadline_s = list(argv), deadline_s
        self._before: subprocess.Popen[bytes] | None = None

    def run(self) -> Ended:
        """Blocks until it has ended, at most its deadline and GRACE_S."""
        if self._before is not None and self._before.poll() is None:
            return Ended(None, hung=True, error=f"it still hangs in the kernel (below process {self._before.pid})")
        command = [sys.executable, "-I", "-S", str(MINDER), str(self._deadline_s), *self._argv]
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=ENVIRONMENT, cwd="/", start_new_session=True
        )
        self._before = process
        return _read(process, self._deadline_s + GRACE_S)


def _read(process: subprocess.Popen[bytes], within_s: float) -> Ended:
    assert process.stdin is not None
    assert process.stdout is not None
    told = _all_of(process.stdout.fileno(), time.monotonic() + within_s)
    process.stdout.close()
    process.stdin.close()  # whatever is left has no owner any more
    if told is None:
        return Ended(None, hung=True, error="it can't be ended")
    with suppress(subprocess.TimeoutExpired):  # what does not end is asked again before the next run
        process.wait(END_S)
    try:
        return msgspec.json.decode(told, type=Ended)
    except msgspec.MsgspecError:
        return Ended(None, error="its minder died")


def _all_of(number: int, until: float) -> bytes | None:
    """Until it is closed; None when that takes too long."""
    told = b""
    with selectors.DefaultSelector() as selector:
        selector.register(number, selectors.EVENT_READ)
        while (left := until - time.monotonic()) > 0:
            if selector.select(left):
                data = os.read(number, CHUNK)
                if not data:
                    return told
                told += data
    return None

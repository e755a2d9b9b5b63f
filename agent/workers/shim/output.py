"""What the workers print: one pipe, always drained, into the bounded log."""

import contextlib
import fcntl
import os
from collections.abc import Callable

from agent.workers.shim.log import RotatingLog
from agent.workers.shim.loop import Loop
from agent.workers.shim.records import LOG_DIR, LOG_NAME, Spec
from agent.workers.shim.torchrun import Listener

PIPE_BYTES = 1024 * 1024
READ_BYTES = 64 * 1024


class Output:
    """``on_closing`` is called once when torchrun says that it ends its workers."""

    def __init__(self, spec: Spec, loop: Loop, on_closing: Callable[[], None]) -> None:
        self._loop = loop
        self._on_closing = on_closing
        self._listener = Listener() if spec.launcher == "torchrun" else None
        os.makedirs(LOG_DIR, mode=0o700, exist_ok=True)
        self._log = RotatingLog(f"{LOG_DIR}/{LOG_NAME}", spec.log_max_bytes, spec.log_files)
        self._pipe, self.write_end = os.pipe()
        with contextlib.suppress(OSError):  # a bigger pipe only helps
            fcntl.fcntl(self._pipe, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
        os.set_blocking(self._pipe, False)
        loop.add(self._pipe, self._read)

    def workers_have_it(self) -> None:
        """The write end is the workers' alone from here on."""
        os.close(self.write_end)

    def tail(self) -> str:
        return self._log.tail()

    def finish(self) -> None:
        """Takes what is still in the pipe. Whoever may hold the other end yet is not waited for."""
        self._loop.remove(self._pipe)
        with contextlib.suppress(OSError):
            while data := os.read(self._pipe, READ_BYTES):
                self._log.write(data)
        os.close(self._pipe)
        self._log.close()

    def _read(self) -> None:
        try:
            data = os.read(self._pipe, READ_BYTES)
        except BlockingIOError:
            return
        if not data:
            self._loop.remove(self._pipe)
            return
        self._log.write(data)
        if self._listener is not None and self._listener.feed(data):
            self._on_closing()

"""One selectors loop; signals arrive in it as events."""

import contextlib
import selectors
import signal
import socket
from collections.abc import Callable

SIGNALS = (signal.SIGCHLD, signal.SIGTERM)


class Loop:
    """Calls back what is registered, on the one thread there is. ``on_signal`` gets the signal's number."""

    def __init__(self, on_signal: Callable[[int], None]) -> None:
        self._selector = selectors.DefaultSelector()
        self._on_signal = on_signal
        self._wake, wake_end = socket.socketpair()
        for end in (self._wake, wake_end):
            end.setblocking(False)
        self._wake_end = wake_end
        for number in SIGNALS:
            signal.signal(number, lambda *_: None)
        for number in (signal.SIGHUP, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)
        signal.set_wakeup_fd(wake_end.fileno(), warn_on_full_buffer=False)
        self.add(self._wake.fileno(), self._signalled)

    def add(self, fd: int, callback: Callable[[], None]) -> None:
        self._selector.register(fd, selectors.EVENT_READ, callback)

    def remove(self, fd: int) -> None:
        with contextlib.suppress(KeyError):
            self._selector.unregister(fd)

    def once(self, timeout: float | None) -> None:
        for key, _ in self._selector.select(timeout):
            if key.fd in self._selector.get_map():  # an earlier callback may have removed it
                key.data()

    def _signalled(self) -> None:
        for number in set(self._wake.recv(4096)):
            self._on_signal(number)

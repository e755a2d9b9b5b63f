"""Words for the service manager (sd_notify(3)): ready, stopping, alive, how things stand; none where none listens.

The standard library is enough: one datagram each. A service manager that can't be reached is no reason to fail.
"""

import contextlib
import os
import socket
from collections.abc import MutableMapping

MICROSECONDS = 1_000_000


class Notifier:
    """Takes the manager's variables out of ``environment``, so that no child speaks in this process's name."""

    def __init__(self, environment: MutableMapping[str, str]) -> None:
        self._address = environment.pop("NOTIFY_SOCKET", "").replace("@", "\0", 1)
        self._period_s = _watchdog_s(environment) / 2
        self._alive_at: float | None = None
        self._status = ""

    def ready(self) -> None:
        self._send("READY=1")

    def stopping(self) -> None:
        self._send("STOPPING=1")

    def status(self, line: str) -> None:
        """One line for ``systemctl status``; said again only when it is another."""
        if line != self._status:
            self._status = line
            self._send(f"STATUS={' '.join(line.split())}")

    def alive(self, now: float) -> None:
        """Call it at every turn of what must go on; ``now`` is any monotonic clock's, in seconds.

        It is passed on twice in each period of the watchdog, and never where there is none.
        """
        if self._period_s and (self._alive_at is None or now - self._alive_at >= self._period_s):
            self._alive_at = now
            self._send("WATCHDOG=1")

    def _send(self, text: str) -> None:
        if not self._address:
            return
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sending:
            sending.setblocking(False)
            sending.connect(self._address)
            sending.send(text.encode())


def _watchdog_s(environment: MutableMapping[str, str]) -> float:
    """0 where no watchdog is meant for this process."""
    micros, pid = environment.pop("WATCHDOG_USEC", ""), environment.pop("WATCHDOG_PID", "")
    if not micros.isdecimal() or pid not in ("", str(os.getpid())):
        return 0.0
    return int(micros) / MICROSECONDS

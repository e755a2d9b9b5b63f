"""Hears from torchrun's output that it is ending its workers, seconds before it says why or ends itself."""

import re

_CLOSING = re.compile(rb"Sending process \d+ closing signal")
_KEEP = 256


class Listener:
    """``feed`` is given the output as it comes and says, once, that torchrun closes its workers.

    torchrun (2.0 to 2.13 at least) does that when a worker failed. It then waits for the others, 30 s by default,
    before it reports.
    """

    def __init__(self) -> None:
        self._rest = b""
        self._heard = False

    def feed(self, data: bytes) -> bool:
        if self._heard:
            return False
        data = self._rest + data
        self._rest = data[-_KEEP:]
        self._heard = _CLOSING.search(data) is not None
        return self._heard

"""``mainstay.report``: tells how far the training is, at the price of a few microseconds."""

import math
import os
import time
from typing import Any, Optional

from mainstay import _worker
from mainstay.progress_file import ProgressFile


class _Reporter:
    """Opens its file at the first report; whatever fails turns it off for good, silently."""

    def __init__(self) -> None:
        self._file: Optional[ProgressFile] = None
        self._off = False

    def report(self, step: int, loss: Any) -> None:
        if self._off:
            return
        if self._file is None:
            self._file = self._open()
            if self._file is None:
                return
        self._file.write(int(step), _number(loss), time.time())

    def turn_off(self) -> None:
        self._off = True

    def _open(self) -> Optional[ProgressFile]:
        self._off = True  # until all of it worked
        where = _worker.directory()
        if where is None or not _worker.claim():
            return None
        file = ProgressFile(os.path.join(where, "progress-%d" % _worker.rank()))
        self._off = False
        return file


def _number(loss: Any) -> float:
    """NaN for none, and for a tensor on a device: fetching it would wait for the device and so block the step."""
    device = getattr(loss, "device", None)
    if loss is None or getattr(device, "type", "cpu") != "cpu":
        return math.nan
    return float(loss)


_reporter = _Reporter()
os.register_at_fork(after_in_child=_reporter.turn_off)


def report(step: int, loss: Any = None) -> None:
    """Says that ``step`` is done: one optimizer update of the whole model, counted from the start of the job.

    Call it once a step on every rank. Never blocks, never raises, does nothing outside Mainstay or in a child of the
    rank's process. ``loss`` is a number; a tensor that lives on a device is left out, pass ``loss.item()`` where the
    script fetches it anyway.
    """
    try:  # noqa: SIM105 - a context manager would cost a fifth more
        _reporter.report(step, loss)
    except Exception:  # noqa: S110 - the training matters more than the report
        pass

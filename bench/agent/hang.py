"""While one sensor hangs: how late the others are looked at.

The sensor is ``gpu_nvml``; a call of the simulated NVML does not return, now in state S, now in state D. The others are
checks of a site's own that note when they are looked at; the real ones go on beside them.
"""

import time
from collections.abc import Callable
from itertools import chain
from pathlib import Path
from struct import iter_unpack

import msgspec

from bench.agent.figures import Spread, lateness, spread, worst
from bench.agent.journal import Journal
from bench.agent.place import Place
from cli.demo.errors import DemoFailed

CALL = "nvmlDeviceGetTemperature"
HUNG, TRUE, FALSE = "ProbeHung", "TRUE", "FALSE"
CADENCES_S = (0.1, 0.5, 1.0)
HANGING = {"every_s": 0.5, "deadline_s": 1.0}  # so that many hangs fit
SETTLED_S, QUIET_S, AFTER_S, WITHIN_S, LOOK_S = 10.0, 20.0, 1.0, 60.0, 0.02
IN_STATE_D = 3  # each third hang

TICKER = '''"""Notes when it is looked at."""

import struct
import time
from enum import StrEnum

import msgspec

from agent.checks import Steadiness, healthy
from agent.sensors import Cadence

TYPE = "{type}"
ACTION = "none"


class Options(Cadence, frozen=True):
    every_s: float = {every_s}
    deadline_s: float = 60.0


class Reading(msgspec.Struct, frozen=True):
    at: float


class Thresholds(Steadiness, frozen=True):
    pass


class Reason(StrEnum):
    LOOKED = "looked"


def read(options):
    at = time.clock_gettime(time.CLOCK_BOOTTIME)
    with open("{file}", "ab", buffering=0) as file:
        file.write(struct.pack("d", at))
    return Reading(at)


def judge(window, thresholds):
    return healthy(Reason.LOOKED, "looked at")
'''


class Episode(msgspec.Struct, frozen=True):
    """``begin`` and ``end``: seconds of CLOCK_BOOTTIME, from the call that does not return until the sensor answers
    again. ``latest_s``: of the looks in between, by how much the latest was late."""

    begin: float
    end: float
    latest_s: float


class Outcome(msgspec.Struct, frozen=True):
    """``quiet``: lateness of every look while nothing hung; ``during``: of every look while something did."""

    episodes: list[Episode]
    quiet: Spread | None
    during: Spread | None

    @property
    def latest(self) -> Spread | None:
        return spread([episode.latest_s for episode in self.episodes])


def measure(place: Place, count: int) -> Outcome:
    checks, stamps = place.root / "checks", place.own(place.root / "stamps")
    write_tickers(checks, stamps)
    node = place.new_node({"sensors.gpu_nvml": {**place.nvml.options, **HANGING}}, str(checks))
    journal = Journal(place.layout.database, _boottime)
    journal.start()
    process = place.start_agent(node)
    try:
        time.sleep(SETTLED_S)
        quiet_from = _boottime()
        time.sleep(QUIET_S)
        quiet_to = _boottime()
        spans = [_hang(place, journal, node, number % IN_STATE_D == IN_STATE_D - 1) for number in range(count)]
        time.sleep(AFTER_S)
    finally:
        place.nvml.answer(CALL)
        place.end(process)
        journal.end()
    late = _late(stamps)
    during = [[late_s for at, late_s in late if begin <= at <= end] for begin, end in spans]
    episodes = [Episode(begin, end, worst(late, begin, end + AFTER_S) or 0.0) for begin, end in spans]
    quiet = spread([late_s for at, late_s in late if quiet_from <= at <= quiet_to])
    return Outcome(episodes, quiet, spread(list(chain.from_iterable(during))))


def write_tickers(checks: Path, stamps: Path) -> None:
    """A file of ``checks`` for each cadence; its stamps, as C doubles, are in the file of its name in ``stamps``."""
    checks.mkdir()
    checks.chmod(0o755)
    for every_s in CADENCES_S:
        name = f"ticker_{every_s * 1000:.0f}"
        text = TICKER.format(type=f"Ticker{every_s * 1000:.0f}", every_s=every_s, file=stamps / name)
        path = checks / f"{name}.py"
        path.write_text(text)
        path.chmod(0o644)


def _hang(place: Place, journal: Journal, node: str, stuck: bool) -> tuple[float, float]:
    begin = _boottime()
    place.nvml.call(CALL, gpu=0, hang=not stuck, stuck=stuck)
    _until("the hang to be told", lambda: _said(journal, node, TRUE, begin))
    place.nvml.answer(CALL, gpu=0)
    _until("the sensor to answer again", lambda: _said(journal, node, FALSE, begin))
    return begin, _boottime()


def _said(journal: Journal, node: str, status: str, since: float) -> bool:
    words = [change for change in journal.changes if (change.node, change.type) == (node, HUNG)]
    return bool(words) and words[-1].at >= since and words[-1].status == status


def _until(what: str, look: Callable[[], bool]) -> None:
    end = time.monotonic() + WITHIN_S
    while not look():
        if time.monotonic() > end:
            raise DemoFailed(f"waited {WITHIN_S:g} s for {what}")
        time.sleep(LOOK_S)


def _late(stamps: Path) -> list[tuple[float, float]]:
    """Of all tickers, in the order of time."""
    found = []
    for every_s in CADENCES_S:
        data = (stamps / f"ticker_{every_s * 1000:.0f}").read_bytes()
        found += lateness([at for (at,) in iter_unpack("d", data)], every_s)
    return sorted(found)


def _boottime() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)

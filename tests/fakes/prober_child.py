"""A prober whose sensors do as files in the state directory tell them: ``stuck`` and ``slow`` hang while there is a
file of their name, ``crash`` kills the process, ``broken`` raises, ``greedy`` runs a program that reads all there is,
``absent`` has nothing, ``ticks`` follows the lines of a file."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec

from agent.binding import BoundSensor
from agent.faults import Sighting
from agent.prober import child
from agent.sensors import Batch, Cadence, Host

ARGV = (sys.executable, __file__)
POLL_S = 0.005


class Reading(msgspec.Struct, frozen=True):
    pid: int
    news: str = ""


class Source:
    def __init__(self, name: str, host: Host) -> None:
        self._flag, self._name, self._news = Path(host.state_dir, name), name, ""

    def read(self) -> Reading | None:
        while self._name in ("stuck", "slow") and self._flag.exists():
            time.sleep(POLL_S)
        if self._name == "crash" and self._flag.exists():
            os.kill(os.getpid(), signal.SIGSEGV)
            threading.Event().wait()  # another thread may get the signal
        if self._name == "greedy":
            subprocess.run(["/bin/cat"], check=True)
        if self._name == "broken":
            raise OSError("no such device")
        return None if self._name == "absent" else Reading(os.getpid(), self._news)

    def tell(self, news: bytes) -> None:
        self._news = news.decode()


def follow(host: Host, position: str) -> Iterator[Batch]:
    seen = int(position or 0)
    path = Path(host.state_dir, "ticks")
    while True:
        lines = path.read_text().splitlines()  # raises when the source is gone
        for line in lines[seen:]:
            seen += 1
            yield Batch(str(seen), [Sighting("tick", line, "", time.clock_gettime(time.CLOCK_BOOTTIME), line, "ticks")])
        time.sleep(POLL_S)


def _sensor(name: str) -> BoundSensor:
    return BoundSensor(name, Cadence(), Reading, lambda host: Source(name, host), None, None)


SENSORS = {name: _sensor(name) for name in ("lively", "stuck", "slow", "crash", "broken", "absent", "greedy")}
SENSORS["ticks"] = BoundSensor("ticks", Cadence(), None, None, follow, None)

if __name__ == "__main__":
    child.bind_sensors = lambda _config, _site: SENSORS
    child.main()

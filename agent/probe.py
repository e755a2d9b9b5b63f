"""One sensor as the runner sees it."""

from typing import Any, Protocol

import msgspec

from agent.binding import BoundSensor
from agent.checks import Timed
from agent.prober.prober import Prober


class Look(msgspec.Struct, frozen=True):
    """``reading`` is None when the machine has no such thing. ``at``: seconds of CLOCK_BOOTTIME."""

    at: float
    took_s: float
    reading: Any


class Probe(Protocol):
    name: str
    every_s: float

    async def read(self) -> Look:
        """Raises :class:`agent.prober.prober.Hung` or Failed."""


class SensorProbe:
    """A sensor that runs in the prober."""

    def __init__(self, sensor: BoundSensor, prober: Prober) -> None:
        assert sensor.reading is not None
        self.name, self.every_s = sensor.name, sensor.cadence.every_s
        self._prober = prober
        self._decoder = msgspec.msgpack.Decoder(sensor.reading)

    async def read(self) -> Look:
        answer: Timed[Any] = await self._prober.read(self.name)
        found = answer.reading
        reading = None if found.reading is None else self._decoder.decode(found.reading)
        return Look(found.at, found.took_s, reading)

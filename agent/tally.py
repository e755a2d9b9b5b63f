"""How looks at sensors went, counted since the agent's start."""

from collections import Counter
from enum import StrEnum

from agent.probe import Look, Probe
from agent.prober.prober import Hung


class LookEnd(StrEnum):
    ANSWERED = "answered"
    ABSENT = "absent"  # the machine has no such thing
    FAILED = "failed"
    HUNG = "hung"  # no answer within its deadline, or not asked because it hung before


class Tally:
    """``looks`` by sensor and end; ``probers``: processes started to run sensors, the first one too."""

    def __init__(self) -> None:
        self.looks: Counter[tuple[str, LookEnd]] = Counter()
        self.probers = 0


class Tallied:
    """A probe whose looks are counted."""

    def __init__(self, probe: Probe, tally: Tally) -> None:
        self.name, self.every_s = probe.name, probe.every_s
        self._probe, self._tally = probe, tally

    async def read(self) -> Look:
        try:
            look = await self._probe.read()
        except Hung:
            self._count(LookEnd.HUNG)
            raise
        except Exception:
            self._count(LookEnd.FAILED)
            raise
        self._count(LookEnd.ANSWERED if look.reading is not None else LookEnd.ABSENT)
        return look

    def _count(self, end: LookEnd) -> None:
        self._tally.looks[self.name, end] += 1

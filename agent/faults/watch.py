"""Faults as they are told: kept once, told to the controller, and judged by the rules. On the event loop."""

import logging
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Protocol

from agent.checks import Judged, Verdict
from agent.clock import Clock
from agent.faults import Sighting
from agent.faults.log import KEEP, Kept
from agent.faults.rows import Occurrence
from agent.faults.twins import Twins
from agent.sensors import Batch
from wire.conditions import Severity, Status
from wire.events import FaultEvent
from wire.messages import FaultEvents

log = logging.getLogger(__name__)

SOURCE_LOST = "FaultSourceLost"
LOST_S = 180.0  # one that can't be followed says so again within this: the longest pause, and a slow attempt
Say = Callable[[str, Judged], None]


class Rules(Protocol):
    """The table of faults; see :mod:`agent.faults.table`."""

    def severity(self, sighting: Sighting) -> Severity: ...

    def judge(self, occurrences: Sequence[Occurrence]) -> dict[str, Judged]:
        """By type of condition: each that the table knows."""

    def concerns(self, type_: str, sighting: Sighting) -> bool:
        """Whether a type of condition is about it."""


class Keep(Protocol):
    """See :class:`agent.outbox.Outbox`."""

    def keep_faults(self, positions: dict[str, str], kept: list[Kept], events: FaultEvents | None) -> None: ...
    def forget_faults(self, numbers: list[int]) -> None: ...


class FaultWatch:
    """``kept`` and ``positions`` are what was on disk; ``life_s``: how long an event may start an action."""

    def __init__(
        self,
        rules: Rules,
        kept: list[Kept],
        number: int,
        positions: dict[str, str],
        boot_id: str,
        clock: Clock,
        keep: Keep,
        life_s: float,
    ) -> None:
        self._rules, self._kept, self._number, self._positions = rules, kept, number, positions
        self._boot_id, self._clock, self._keep, self._life_s = boot_id, clock, keep, life_s
        self._say: Say = lambda _type, _judged: None
        self._sources: set[str] = set()  # that have spoken
        self._lost: dict[str, str] = {}
        self._lost_at: dict[str, float] = {}  # seconds of CLOCK_BOOTTIME
        self._twins = Twins()
        self.counted: Counter[tuple[str, str, Severity]] = Counter()  # kind, code: since the agent's start
        for each in kept:  # the agent may have been started anew between two copies
            if each.boot_id == boot_id:
                self._twins.is_twin(each.sighting)

    def kept(self) -> list[Kept]:
        """Oldest first."""
        return self._kept

    def use(self, rules: Rules) -> None:
        """From now on; what stands is judged anew."""
        self._rules = rules

    def tells(self, say: Say) -> None:
        self._say = say

    def positions(self) -> dict[str, str]:
        return dict(self._positions)

    def heard(self, sensor: str, batch: Batch) -> None:
        moved = self._positions.get(sensor) != batch.position
        self._positions[sensor] = batch.position
        self._sources.add(sensor)
        self._lost.pop(sensor, None)
        kept = self._count(batch.sightings)
        if kept:
            self._keep.keep_faults({sensor: batch.position}, kept, FaultEvents([self._event(each) for each in kept]))
            self.judge()
        elif moved:
            self._keep.keep_faults({sensor: batch.position}, [], None)

    def lost(self, sensor: str, error: str) -> None:
        if self._lost.get(sensor) != error:
            log.warning("the source of %s: %s", sensor, error)
        self._lost[sensor], self._lost_at[sensor] = error, self._clock.boottime()

    def forget(self, type_: str, components: Sequence[str]) -> None:
        """A person says that these faults are over."""
        over = [
            each
            for each in self._kept
            if self._rules.concerns(type_, each.sighting) and (not components or each.sighting.component in components)
        ]
        numbers = {each.number for each in over}
        self._kept = [each for each in self._kept if each.number not in numbers]
        self._keep.forget_faults(sorted(numbers))

    def judge(self) -> None:
        """Nothing is said before a source has spoken, unless something was kept: a machine may have none."""
        for sensor in [name for name in self._lost if self._clock.boottime() - self._lost_at[name] > LOST_S]:
            del self._lost[sensor]  # it is followed and has nothing to tell, or is switched off
            self._sources.add(sensor)
        if self._lost or self._sources:
            self._say(SOURCE_LOST, _source_lost(self._lost))
        if not self._sources and not self._kept:
            return
        for type_, judged in self._rules.judge(self._occurrences()).items():
            self._say(type_, judged)

    def _count(self, sightings: Sequence[Sighting]) -> list[Kept]:
        fresh: list[Kept] = []
        for sighting in sightings:
            if self._twins.is_twin(sighting):
                continue
            utc = self._clock.utc().timestamp() - (self._clock.boottime() - sighting.at)
            fresh.append(Kept(self._number, self._boot_id, utc, sighting))
            self._number += 1
            self.counted[sighting.kind, sighting.code, self._rules.severity(sighting)] += 1
        self._kept = [*self._kept, *fresh][-KEEP:]
        return fresh

    def _occurrences(self) -> list[Occurrence]:
        """Of this boot by a clock that nobody sets."""
        now, utc, boot = self._clock.boottime(), self._clock.utc(), self._boot_id
        return [
            Occurrence(each.sighting, max(0.0, now - each.sighting.at), True)
            if each.boot_id == boot
            else Occurrence(each.sighting, each.ago_s(utc), False)
            for each in self._kept
        ]

    def _event(self, kept: Kept) -> FaultEvent:
        at = datetime.fromtimestamp(kept.utc, UTC)
        sighting = kept.sighting
        return FaultEvent(
            number=kept.number,
            kind=sighting.kind,
            code=sighting.code,
            component=sighting.component,
            severity=self._rules.severity(sighting),
            at=at,
            expires_at=at + timedelta(seconds=self._life_s),
            source=sighting.source,
            message=sighting.text,
        )


def _source_lost(lost: dict[str, str]) -> Judged:
    if not lost:
        return Verdict(Status.FALSE, Severity.INFO, "sources_tell", "every source of faults can be followed")
    return {
        sensor: Verdict(Status.TRUE, Severity.WARNING, "source_lost", error, "see journalctl -u mainstay-agent")
        for sensor, error in lost.items()
    }

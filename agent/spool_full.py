"""Is the controller missing something that this node had to drop? A check of the agent itself."""

from collections.abc import Callable, Sequence
from enum import StrEnum

import msgspec

from agent.binding import BoundCheck
from agent.checks import Timed, Verdict, healthy
from agent.clock import Clock
from agent.hysteresis import Rule
from agent.probe import Look
from wire.conditions import Severity, Status

TYPE = "SpoolFull"
READS = "spool"
EVERY_S = 15.0


class Reading(msgspec.Struct, frozen=True):
    dropped: int  # messages that lost their content since the spool was last empty


class Reason(StrEnum):
    NOTHING_DROPPED = "nothing_dropped"
    MESSAGES_DROPPED = "messages_dropped"


def judge(window: Sequence[Timed[Reading]]) -> Verdict:
    dropped = window[-1].reading.dropped
    if not dropped:
        return healthy(Reason.NOTHING_DROPPED, "every message is kept until the controller has it")
    message = f"{dropped} messages dropped, the oldest first: no controller took them for long"
    return Verdict(
        Status.TRUE, Severity.WARNING, Reason.MESSAGES_DROPPED, message, "look at the link to the controller"
    )


class SpoolProbe:
    """See :class:`agent.probe.Probe`. It asks the agent itself, and no process of its own."""

    name = READS
    every_s = EVERY_S

    def __init__(self, dropped: Callable[[], int], clock: Clock) -> None:
        self._dropped, self._clock = dropped, clock

    async def read(self) -> Look:
        return Look(self._clock.boottime(), 0.0, Reading(self._dropped()))


CHECK = BoundCheck(TYPE, READS, 1, judge, Rule(bad=1, of=1, good=1))

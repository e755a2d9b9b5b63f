"""A check of the site's own that could not be loaded, and is left out."""

import sys
from collections.abc import Mapping, Sequence
from enum import StrEnum

import msgspec

from agent import checks
from agent.checks import Check, Clears, Judged, Steadiness, Timed, Verdict, fault
from agent.sensors import Cadence, Seconds, Sensor
from wire.conditions import Severity

NAME = "site_check_broken"
TYPE = "SiteCheckBroken"
READS = NAME
WINDOW = 1
CLEARS = Clears.FACT
ACTION = "mend the file or table that is named, see that `mainstay-agent config check` is content, reload the agent"


class Options(Cadence, frozen=True):
    every_s: Seconds = 60.0


class Reading(msgspec.Struct, frozen=True):
    """By file or table, what was wrong with it when the agent last read its configuration."""

    broken: dict[str, str]


class Thresholds(Steadiness, frozen=True):
    """Nothing wavers here."""


class Reason(StrEnum):
    NOT_LOADED = "not_loaded"


def judge(window: Sequence[Timed[Reading]], thresholds: Thresholds) -> Judged:  # noqa: ARG001 - it is broken or not
    return {where: _fault(text) for where, text in window[-1].reading.broken.items()}


def _fault(text: str) -> Verdict:
    return fault(Severity.WARNING, Reason.NOT_LOADED, text, ACTION)


def check() -> Check:
    return checks.check(NAME, sys.modules[__name__])


def sensor(found: Mapping[str, str]) -> Sensor:
    """Of what was found broken."""
    source = _Source(Reading(dict(found)))
    return Sensor(NAME, Options, Reading, attach=lambda _options, _host: source, follow=None, metrics=None)


class _Source:
    def __init__(self, reading: Reading) -> None:
        self._reading = reading

    def read(self) -> Reading:
        return self._reading

    def tell(self, news: bytes) -> None:
        raise NotImplementedError

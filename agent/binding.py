"""Sensors and checks with this node's own options and thresholds."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import msgspec

from agent import checks, sensors
from agent.checks import Steadiness, Timed, Verdict
from agent.config import Tables
from agent.hysteresis import Rule


@dataclass(frozen=True)
class BoundCheck:
    """A check with this node's thresholds."""

    condition: str
    reads: str
    window: int
    judge: Callable[[Sequence[Timed[Any]]], Verdict]
    rule: Rule


def bind_sensors(tables: Tables) -> dict[str, Callable[[], msgspec.Struct]]:
    """Every sensor with this node's options."""
    return {
        name: partial(sensor.read, msgspec.convert(tables.get(name, {}), sensor.options))
        for name, sensor in sensors.discover().items()
    }


def bind_checks(tables: Tables) -> list[BoundCheck]:
    """Every check with this node's thresholds."""
    return [
        _bind(check, msgspec.convert(tables.get(name, {}), check.thresholds))
        for name, check in checks.discover().items()
    ]


def _bind(check: checks.Check, thresholds: Steadiness) -> BoundCheck:
    rule = Rule(thresholds.bad, thresholds.of, thresholds.good)
    judge = partial(_judge_with, check, thresholds)
    return BoundCheck(check.condition, check.reads, check.window, judge, rule)


def _judge_with(check: checks.Check, thresholds: Steadiness, window: Sequence[Timed[Any]]) -> Verdict:
    return check.judge(window, thresholds)

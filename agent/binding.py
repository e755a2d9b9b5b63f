"""Sensors and checks with this node's own options and thresholds."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import msgspec

from agent import checks, sensors
from agent.checks import Check, Clears, Judged, Steadiness, Timed
from agent.config import Config
from agent.hysteresis import Rule
from agent.sensors import Batch, Cadence, Host, Metrics, Sensor, Source
from agent.site import SiteChecks, site_checks, site_sensors
from wire.conditions import Severity


@dataclass(frozen=True)
class BoundSensor:
    """A sensor with this node's options."""

    name: str
    cadence: Cadence
    reading: type[msgspec.Struct] | None
    attach: Callable[[Host], Source] | None
    follow: Callable[[Host, str], Iterator[Batch]] | None
    metrics: Metrics | None


@dataclass(frozen=True)
class BoundCheck:
    """A check with this node's thresholds."""

    condition: str
    reads: str
    window: int
    judge: Callable[[Sequence[Timed[Any]]], Judged]
    rule: Rule
    clears: Clears = Clears.FACT
    worst: Severity = Severity.CRITICAL  # that it can say


def bind_sensors(config: Config, site: SiteChecks) -> dict[str, BoundSensor]:
    """Every sensor that is enabled, by name."""
    own = (
        _bind_sensor(sensor, msgspec.convert(config.sensors.get(name, {}), sensor.options))
        for name, sensor in sensors.discover().items()
    )
    bound = [*own, *(_bind_sensor(sensor, sensor.options()) for sensor in site_sensors(config, site).values())]
    return {sensor.name: sensor for sensor in bound if sensor.cadence.enabled}


def bind_checks(config: Config, site: SiteChecks) -> list[BoundCheck]:
    """Every check, once for each sensor it reads."""
    own = [
        (check, msgspec.convert(config.thresholds.get(name, {}), check.thresholds))
        for name, check in checks.discover().items()
    ]
    pairs = [*own, *((check, check.thresholds()) for check in site_checks(site).values())]
    return [_bind_check(check, thresholds, sensor) for check, thresholds in pairs for sensor in check.reads]


def _bind_sensor(sensor: Sensor, options: Cadence) -> BoundSensor:
    return BoundSensor(
        name=sensor.name,
        cadence=options,
        reading=sensor.reading,
        attach=partial(sensor.attach, options) if sensor.attach else None,
        follow=partial(sensor.follow, options) if sensor.follow else None,
        metrics=sensor.metrics,
    )


def _bind_check(check: Check, thresholds: Steadiness, sensor: str) -> BoundCheck:
    rule = Rule(thresholds.bad, thresholds.of, thresholds.good)
    judge = partial(_judge_with, check, thresholds)
    return BoundCheck(check.condition, sensor, check.window, judge, rule, check.clears, check.worst)


def _judge_with(check: Check, thresholds: Steadiness, window: Sequence[Timed[Any]]) -> Judged:
    return check.judge(window, thresholds)

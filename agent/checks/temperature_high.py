"""A part of the machine is too hot."""

from collections.abc import Mapping, Sequence
from enum import StrEnum

from agent.checks import Count, Steadiness, Timed, Verdict, fault, healthy
from agent.sensors.temperature import Heat, Reading
from wire.conditions import Severity

TYPE = "TemperatureHigh"
READS = "temperature"
WINDOW = 1
ACTION = "look at fans, air flow and the room's temperature; take the node out before it switches itself off"


class Thresholds(Steadiness, frozen=True):
    """Critical: at the driver's own limit (``temp*_crit``, https://docs.kernel.org/hwmon/sysfs-interface.html).
    Warning: within ``margin_c`` of it, our judgement. ``unlimited_c``: the limit of processors whose driver tells none
    (k10temp on EPYC: AMD specifies 95 to 100 degrees for Tctl); other parts without one are not judged."""

    margin_c: float = 3.0
    unlimited_c: float = 96.0
    bad: Count = 2
    of: Count = 3


class Reason(StrEnum):
    TEMPERATURE_NORMAL = "temperature_normal"
    TEMPERATURE_NEAR_LIMIT = "temperature_near_limit"
    TEMPERATURE_AT_LIMIT = "temperature_at_limit"


def judge(window: Sequence[Timed[Reading]], thresholds: Thresholds) -> Mapping[str, Verdict]:
    """By chip and sensor."""
    limited = [(heat, _limit(heat, thresholds)) for heat in window[-1].reading.heats]
    return {
        f"{heat.chip}/{heat.sensor}": _judge(heat.celsius, limit, thresholds)
        for heat, limit in limited
        if limit is not None
    }


def _limit(heat: Heat, thresholds: Thresholds) -> float | None:
    if heat.critical_c is None and heat.chip.startswith(("k10temp", "zenpower")):
        return thresholds.unlimited_c
    return heat.critical_c


def _judge(celsius: float, limit: float, thresholds: Thresholds) -> Verdict:
    message = f"{celsius:.0f} °C, limit {limit:.0f} °C"
    if celsius >= limit:
        return fault(Severity.CRITICAL, Reason.TEMPERATURE_AT_LIMIT, message, ACTION)
    if celsius >= limit - thresholds.margin_c:
        return fault(Severity.WARNING, Reason.TEMPERATURE_NEAR_LIMIT, message, ACTION)
    return healthy(Reason.TEMPERATURE_NORMAL, message)

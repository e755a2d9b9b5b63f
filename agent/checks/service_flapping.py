"""A service that ends and is started again, and again."""

from collections.abc import Mapping, Sequence
from enum import StrEnum

from agent.checks import Count, Steadiness, Timed, Verdict, fault, healthy
from agent.sensors.services import Reading, Unit
from wire.conditions import Severity

TYPE = "ServiceFlapping"
READS = "services"
WINDOW = 1
WORST = Severity.WARNING
ACTION = "see why it ends (journalctl -u UNIT)"


class Thresholds(Steadiness, frozen=True):
    """TRUE when a service was restarted ``restarts`` times within ten minutes.

    Default: systemd's own StartLimitBurst, 5 (https://www.freedesktop.org/software/systemd/man/latest/systemd.unit.html),
    which it counts within ten seconds only.
    """

    restarts: Count = 5


class Reason(StrEnum):
    SERVICE_STEADY = "service_steady"
    SERVICE_FLAPS = "service_flaps"


def judge(window: Sequence[Timed[Reading]], thresholds: Thresholds) -> Mapping[str, Verdict]:
    """By unit; what doesn't restart is left out."""
    units = [unit for unit in window[-1].reading.units if unit.restarts is not None]
    return {unit.name: _judge(unit, thresholds) for unit in units}


def _judge(unit: Unit, thresholds: Thresholds) -> Verdict:
    message = f"restarted {unit.lately} times in ten minutes"
    if unit.lately < thresholds.restarts:
        return healthy(Reason.SERVICE_STEADY, message)
    return fault(Severity.WARNING, Reason.SERVICE_FLAPS, message, ACTION)

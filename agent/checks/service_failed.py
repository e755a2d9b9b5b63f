"""A unit of systemd that failed, or that must be active and is not."""

from collections.abc import Mapping, Sequence
from enum import StrEnum

from agent.checks import Count, Steadiness, Timed, Verdict, fault, healthy
from agent.sensors.services import Reading, Unit
from wire.conditions import Severity

TYPE = "ServiceFailed"
READS = "services"
WINDOW = 1
ACTION = "see why (journalctl -u UNIT), mend it, and start it (systemctl restart UNIT)"
UP = frozenset({"active", "reloading", "refreshing"})


class Thresholds(Steadiness, frozen=True):
    """Critical: a unit named in ``[sensors.services] required`` that isn't active. Warning: any other that failed, as
    node_exporter's mixin, alert NodeSystemdServiceFailed (for 5 minutes)."""

    bad: Count = 3
    of: Count = 5


class Reason(StrEnum):
    UNIT_WELL = "unit_well"
    UNIT_FAILED = "unit_failed"
    UNIT_DOWN = "unit_down"
    UNIT_UNKNOWN = "unit_unknown"


def judge(window: Sequence[Timed[Reading]], thresholds: Thresholds) -> Mapping[str, Verdict]:  # noqa: ARG001
    """By unit."""
    return {unit.name: _judge(unit) for unit in window[-1].reading.units}


def _judge(unit: Unit) -> Verdict:
    state = f"{unit.active} ({unit.sub})" + (f", {unit.result}" if unit.result not in ("", "success") else "")
    if unit.required and unit.load != "loaded":
        return fault(Severity.CRITICAL, Reason.UNIT_UNKNOWN, f"{unit.load or 'not there'}", ACTION)
    if unit.required and unit.active not in UP:
        return fault(Severity.CRITICAL, Reason.UNIT_DOWN, state, ACTION)
    if unit.active == "failed":
        return fault(Severity.WARNING, Reason.UNIT_FAILED, state, ACTION)
    return healthy(Reason.UNIT_WELL, state)

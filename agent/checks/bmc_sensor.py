"""What the machine's BMC takes for a fault: a fan, a power supply, a voltage, a temperature, memory."""

from collections.abc import Mapping, Sequence
from enum import StrEnum

from agent.checks import Count, Steadiness, Timed, Verdict, fault, healthy
from agent.sensors.bmc import Part, Reading
from wire.conditions import Severity

TYPE = "BmcSensor"
READS = "bmc"
WINDOW = 1
ACTION = "look at the BMC's event log (ipmitool sel elist) and at the part it names"
FAILED = ("failure detected", "power supply ac lost", "predictive failure", "redundancy lost", "non-redundant",
          "uncorrectable ecc", "thermal trip", "drive fault", "ierr", "config error", "transition to critical",
          "transition to non-recoverable", "limit exceeded", "state asserted: fault")  # fmt: skip


class Thresholds(Steadiness, frozen=True):
    """Nothing to set: the limits are the BMC's own (IPMI 2.0, section 35: non-critical, critical and non-recoverable
    thresholds; table 42-3 for what a discrete sensor says). Two looks, since a fan that changes speed passes them.

    Critical is heat alone, our judgement: fans and power supplies are there twice, a battery of the clock that is empty
    stops no work, and what they all end in is heat or a machine that is gone.
    """

    bad: Count = 2
    of: Count = 2


class Reason(StrEnum):
    PART_OK = "part_ok"
    PAST_WARNING_LIMIT = "past_warning_limit"
    PAST_CRITICAL_LIMIT = "past_critical_limit"
    PART_FAILED = "part_failed"


def judge(window: Sequence[Timed[Reading]], thresholds: Thresholds) -> Mapping[str, Verdict]:  # noqa: ARG001
    """By the BMC's name of the sensor."""
    return {part.name: _judge(part) for part in window[-1].reading.parts}


def _judge(part: Part) -> Verdict:
    message = part.said or f"{part.value:g} {part.unit}" if part.value is not None else part.said
    if any(words in part.said.lower() for words in FAILED):
        return fault(Severity.WARNING, Reason.PART_FAILED, message, ACTION)
    if part.state.endswith(("cr", "nr")):
        severity = Severity.CRITICAL if _heat(part) else Severity.WARNING
        return fault(severity, Reason.PAST_CRITICAL_LIMIT, message, ACTION)
    if part.state.endswith("nc"):
        return fault(Severity.WARNING, Reason.PAST_WARNING_LIMIT, message, ACTION)
    return healthy(Reason.PART_OK, message)


def _heat(part: Part) -> bool:
    """Too cold is mostly a sensor of what is not there."""
    return part.unit == "celsius" and not part.state.startswith("l")

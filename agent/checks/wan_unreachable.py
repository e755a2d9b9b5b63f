"""A place outside of the cluster that work needs does not answer."""

from collections.abc import Sequence
from enum import StrEnum

from agent.checks import Count, Steadiness, Timed, Verdict, fault, healthy
from agent.sensors.wan import Answer, Reading
from wire.conditions import Severity

TYPE = "WanUnreachable"
READS = "wan"
WINDOW = 1
WORST = Severity.WARNING
ACTION = "from several nodes: look at the uplink, gateway or proxy; from one alone: at its routes and name servers"


class Thresholds(Steadiness, frozen=True):
    """Two looks of three, a minute apart: our judgement, for the way there belongs to others and loses a connection now
    and then. A warning, because what trains goes on. An HTTP status of 500 or more counts as no answer.
    """

    bad: Count = 2
    of: Count = 3


class Reason(StrEnum):
    ANSWERS = "answers"
    NO_ANSWER = "no_answer"
    SERVER_ERROR = "server_error"


def judge(window: Sequence[Timed[Reading]], thresholds: Thresholds) -> dict[str, Verdict]:  # noqa: ARG001 - how often, not how much
    return {answer.name: _one(answer) for answer in window[-1].reading.answers}


def _one(it: Answer) -> Verdict:
    if it.error:
        return fault(Severity.WARNING, Reason.NO_ANSWER, f"{it.name} ({it.kind}): {it.error}", ACTION)
    if it.status is not None and it.status >= 500:
        return fault(Severity.WARNING, Reason.SERVER_ERROR, f"{it.name}: HTTP status {it.status}", ACTION)
    return healthy(Reason.ANSWERS, f"{it.name} ({it.kind}): answers in {it.seconds * 1000:.0f} ms")

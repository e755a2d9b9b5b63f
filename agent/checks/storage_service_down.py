"""A storage service can't be used: it does not answer, or not as it should."""

from collections.abc import Sequence
from enum import StrEnum

from agent.checks import Count, Steadiness, Timed, Verdict, fault, healthy
from agent.checks.storage import SERVICES, each_answer, label
from agent.sensors.storage.reading import Cause, Reading, Server
from wire.conditions import Severity, Status

TYPE = "StorageServiceDown"
READS = SERVICES
WINDOW = 1
WORST = Severity.WARNING
ACTION = (
    "look at the service itself if several nodes say so, else at this node's way to it; the reason says what failed"
)


class Thresholds(Steadiness, frozen=True):
    """No number here: how long an answer may take is ``within_s`` of each server. Two looks of three: our judgement,
    so that a restart or a fail-over of some seconds is none."""

    bad: Count = 2
    of: Count = 3


class Reason(StrEnum):
    ANSWERS = "answers"
    REFUSED = "refused"
    TIMEOUT = "timeout"
    UNREACHABLE = "unreachable"
    AUTHENTICATION = "authentication"
    TLS = "tls"
    PROTOCOL = "protocol"
    NOT_THERE = "not_there"
    LIBRARY_MISSING = "library_missing"
    CONFIGURATION = "configuration"


MENDS = {
    Cause.REFUSED: "start the service, or open the port in its firewall; is the address right?",
    Cause.TIMEOUT: "look whether the service hangs, or packets to it are dropped",
    Cause.UNREACHABLE: "mend the name, DNS or the route to it",
    Cause.AUTHENTICATION: "mend user, password file or the user's rights there",
    Cause.TLS: "mend its certificate, or set ca_file to the CA that signed it",
    Cause.PROTOCOL: "look at the service's log: it answers, but not as it should; is another one behind that port?",
    Cause.NOT_THERE: "make what is missing there, or mend the name in the configuration",
}


def judge(window: Sequence[Timed[Reading]], thresholds: Thresholds) -> dict[str, Verdict]:  # noqa: ARG001 - no number
    return each_answer(window, _one)


def _one(server: Server) -> Verdict:
    """A probe that can't ask says nothing of the server."""
    if not server.cause:
        return healthy(Reason.ANSWERS, f"{label(server)} answers in {server.seconds:.3f} s")
    reason, message = Reason(server.cause.value), f"{label(server)}: {server.error or server.cause}"
    if server.cause.ours:
        return Verdict(Status.UNKNOWN, Severity.WARNING, reason, message)
    return fault(Severity.WARNING, reason, message, MENDS[server.cause])

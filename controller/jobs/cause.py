"""Why an attempt ended, and whether that counts against the script. Pure.

A failure that starts in the script counts. The loss of a node, and the errors its peers get from that, do not.
"""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum

import msgspec

from controller.facts import PartFacts
from controller.jobs.proof import Proof
from wire.attempts import End, FailureKind, RankFailure


class EndReason(StrEnum):
    SUCCEEDED = "succeeded"
    STOPPED_BY_PERSON = "stopped_by_person"
    NODE_LOST = "node_lost"
    NODE_REBOOTED = "node_rebooted"
    PORT_TAKEN = "port_taken"
    LAUNCH_REFUSED = "launch_refused"
    WORKER_KILLED = "worker_killed"
    WORKER_STOPPED = "worker_stopped"
    SCRIPT_FAILED = "script_failed"
    SHIM_LOST = "shim_lost"
    PEER_ERROR = "peer_error"
    START_TIMEOUT = "start_timeout"
    UNKNOWN = "unknown"


class Cause(msgspec.Struct, frozen=True):
    reason: EndReason
    message: str
    node: str | None = None


_FROM_OUTSIDE = frozenset({EndReason.NODE_LOST, EndReason.NODE_REBOOTED, EndReason.PORT_TAKEN})
_STATED = frozenset({EndReason.WORKER_STOPPED, EndReason.START_TIMEOUT, EndReason.STOPPED_BY_PERSON})


_NOT_THE_SCRIPTS = {
    FailureKind.PORT_TAKEN: EndReason.PORT_TAKEN,
    FailureKind.SIGNAL: EndReason.WORKER_KILLED,
    FailureKind.SPAWN: EndReason.LAUNCH_REFUSED,
    FailureKind.UNKNOWN: EndReason.UNKNOWN,
}


def counts_against_script(reason: EndReason) -> bool:
    return reason is EndReason.SCRIPT_FAILED


def can_be_fruitless(reason: EndReason) -> bool:
    """Whether an attempt that ended so, without a new step, says something about the job."""
    return reason not in _FROM_OUTSIDE


def classify(parts: Sequence[PartFacts], lost: Sequence[str], stated: str, stated_message: str) -> Cause:
    """``lost`` are nodes found lost while the attempt ran; ``stated`` is the reason it was stopped for."""
    if stated == EndReason.STOPPED_BY_PERSON:
        return Cause(EndReason.STOPPED_BY_PERSON, stated_message)
    stopped = _of_statement(stated, stated_message)
    found = _of_nodes(parts, lost) or _of_launch(parts) or _of_ranks(parts) or stopped or _of_peers(parts)
    return found or Cause(EndReason.UNKNOWN, stated_message)


def _of_nodes(parts: Sequence[PartFacts], lost: Sequence[str]) -> Cause | None:
    gone = sorted({*lost, *(part.node for part in parts if part.proof == Proof.GANG_RULE)})
    if gone:
        return Cause(EndReason.NODE_LOST, f"lost {', '.join(gone)}", gone[0])
    for part in parts:
        if part.proof == Proof.REBOOTED:
            return Cause(EndReason.NODE_REBOOTED, f"{part.node} rebooted", part.node)
    return None


def _of_launch(parts: Sequence[PartFacts]) -> Cause | None:
    for part in parts:
        if part.launch_refused is not None:
            message = f"{part.node}: {part.launch_message or part.launch_refused}"
            return Cause(EndReason.LAUNCH_REFUSED, message, part.node)
    return None


def _of_ranks(parts: Sequence[PartFacts]) -> Cause | None:
    failures = [(failure, part.node) for part in parts if (failure := _failure(part)) is not None]
    own = sorted((pair for pair in failures if pair[0].kind is not FailureKind.PEER), key=_precedence)
    if own:
        failure, node = own[0]
        return Cause(_reason(failure), _describe(failure, node), node)
    for part in parts:
        if part.exit is not None and part.exit.end is End.SHIM_LOST:
            return Cause(EndReason.SHIM_LOST, f"the shim on {part.node} died", part.node)
    return None


def _of_statement(stated: str, message: str) -> Cause | None:
    return Cause(EndReason(stated), message) if stated in _STATED else None


def _of_peers(parts: Sequence[PartFacts]) -> Cause | None:
    """Last of all: the peers of a part that was stopped first fail because of that stop."""
    for part in parts:
        if (failure := _failure(part)) is not None:
            return Cause(EndReason.PEER_ERROR, _describe(failure, part.node), part.node)
    return None


def _failure(part: PartFacts) -> RankFailure | None:
    """A worker that fails after its attempt was told to stop says nothing about why it was stopped."""
    if part.exit is not None and part.exit.end is not End.STOPPED and part.exit.first_failure is not None:
        return part.exit.first_failure
    return part.rank_failure


def _precedence(pair: tuple[RankFailure, str]) -> tuple[bool, datetime]:
    """A kill from outside is seen by the launcher after its peers' errors, so it goes before exceptions."""
    return pair[0].kind is not FailureKind.SIGNAL, pair[0].at


def _reason(failure: RankFailure) -> EndReason:
    return _NOT_THE_SCRIPTS.get(failure.kind, EndReason.SCRIPT_FAILED)


def _describe(failure: RankFailure, node: str) -> str:
    who = "a worker" if failure.rank is None else f"rank {failure.rank}"
    what = failure.error or (f"exit status {failure.exit_code}" if failure.exit_code is not None else failure.kind)
    detail = f": {failure.message.splitlines()[0][:200]}" if failure.message else ""
    return f"{who} on {node}: {what}{detail}"

"""Why an attempt ended, told from what its parts say."""

from datetime import UTC, datetime, timedelta

import pytest

from controller.facts import PartFacts
from controller.jobs.cause import EndReason, classify, counts_against_script
from wire.attempts import End, ExitRecord, FailureKind, PartState, RankFailure
from wire.orders import OutcomeReason

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def part(node, kind=None, after_s=0.0, end=End.FAILED, proof="reported_ended", **fields):
    failure = (
        None if kind is None else RankFailure(kind, NOW + timedelta(seconds=after_s), rank=int(node[1:]), error="E")
    )
    exit_ = ExitRecord(end, NOW, first_failure=failure)
    return PartFacts(node, int(node[1:]), PartState.ENDED, proof, exit_, **fields)


STOPPED = {"end": End.STOPPED}
CASES = [
    ("a script's exception before its peers' errors",
     [part("n1", FailureKind.PEER), part("n2", FailureKind.EXCEPTION, 0.2)], [], "", EndReason.SCRIPT_FAILED, "n2"),
    ("the earliest of two exceptions",
     [part("n1", FailureKind.EXCEPTION, 1), part("n2", FailureKind.EXCEPTION)], [], "", EndReason.SCRIPT_FAILED, "n2"),
    ("a kill goes before errors seen earlier",
     [part("n1", FailureKind.EXCEPTION), part("n2", FailureKind.SIGNAL, 2)], [], "", EndReason.WORKER_KILLED, "n2"),
    ("a crash is the script's", [part("n1", FailureKind.CRASH)], [], "", EndReason.SCRIPT_FAILED, "n1"),
    ("an exit status is the script's", [part("n1", FailureKind.EXIT_CODE)], [], "", EndReason.SCRIPT_FAILED, "n1"),
    ("the loss of a node explains its peers",
     [part("n1", FailureKind.EXCEPTION), part("n2", **STOPPED)], ["n2"], "", EndReason.NODE_LOST, "n2"),
    ("the gang rule means a lost node",
     [part("n1", **STOPPED), part("n2", proof="gang_rule", **STOPPED)], [], "", EndReason.NODE_LOST, "n2"),
    ("a reboot", [part("n1", end=End.REBOOTED, proof="rebooted")], [], "", EndReason.NODE_REBOOTED, "n1"),
    ("a taken port", [part("n1", FailureKind.PORT_TAKEN)], [], "", EndReason.PORT_TAKEN, "n1"),
    ("a refused launch", [part("n1", **STOPPED), part("n2", end=End.NEVER_STARTED,
     launch_refused=OutcomeReason.NOT_PERMITTED)], [], "", EndReason.LAUNCH_REFUSED, "n2"),
    ("a shim that died", [part("n1", end=End.SHIM_LOST), part("n2", FailureKind.PEER)], [], "",
     EndReason.SHIM_LOST, "n1"),
    ("only peers' errors", [part("n1", FailureKind.PEER)], [], "", EndReason.PEER_ERROR, "n1"),
    ("a worker in state T", [part("n1", **STOPPED)], [], "worker_stopped", EndReason.WORKER_STOPPED, None),
    ("a worker in state T, whose peers fail of its stop before their own",
     [part("n1", FailureKind.PEER), part("n2", **STOPPED)], [], "worker_stopped", EndReason.WORKER_STOPPED, None),
    ("a person's stop, whatever the workers say to it",
     [part("n1", FailureKind.EXCEPTION)], [], "stopped_by_person", EndReason.STOPPED_BY_PERSON, None),
    ("what is not known is called so", [part("n1", **STOPPED)], [], "part_failed", EndReason.UNKNOWN, None),
]  # fmt: skip


@pytest.mark.parametrize(("name", "parts", "lost", "stated", "reason", "node"), CASES, ids=[c[0] for c in CASES])
def test_cause(name, parts, lost, stated, reason, node):
    cause = classify(parts, lost, stated, "")
    assert (cause.reason, cause.node) == (reason, node)


def test_only_what_starts_in_the_script_counts_against_it():
    assert [reason for reason in EndReason if counts_against_script(reason)] == [EndReason.SCRIPT_FAILED]

"""Orders with this machine's real parts behind them."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

import pytest

from agent.checks import Verdict, healthy
from agent.clock import SystemClock
from agent.config import Config
from agent.orders import clear_condition, discover, launch_attempt, stop_attempt, validate_node
from agent.ports import PortBook
from agent.services import NodeServices
from agent.settling import Folded
from agent.workers.parts import Parts
from agent.workers.policy import WorkerPolicy
from wire.attempts import End
from wire.conditions import Condition, Severity, Status
from wire.orders import (
    ClearCondition,
    LaunchAttempt,
    Order,
    OrderKind,
    Outcome,
    OutcomeReason,
    OutcomeStatus,
    StopAttempt,
    ValidateNode,
)
from wire.specs import Launcher

Run = Callable[[Awaitable[Any]], Any]
NOW = datetime(2026, 1, 1, tzinfo=UTC)


class Reason(StrEnum):
    WORD = "word"


FINE = healthy(Reason.WORD, "fine")
SICK = Verdict(Status.TRUE, Severity.CRITICAL, Reason.WORD, "sick")
SLOW = Verdict(Status.TRUE, Severity.WARNING, Reason.WORD, "slow")
SILENT = Verdict(Status.UNKNOWN, Severity.WARNING, Reason.WORD, "no answer", hides=Severity.CRITICAL)
SLUGGISH = Verdict(Status.UNKNOWN, Severity.WARNING, Reason.WORD, "no answer", hides=Severity.WARNING)
NOT_HERE = Verdict(Status.UNKNOWN, Severity.WARNING, Reason.WORD, "no such library")


@pytest.fixture
def make_node(tmp_path: Path) -> Callable[..., NodeServices]:
    def make(**findings: Verdict) -> NodeServices:
        async def survey() -> list[tuple[str, Folded]]:
            return [(type_, Folded(verdict)) for type_, verdict in findings.items()]

        config = Config("n1", "127.0.0.1", state_dir=str(tmp_path))
        parts = Parts(tmp_path, "test-node", "boot", WorkerPolicy(), lambda _part: None)
        return NodeServices(config, SystemClock(), "boot", parts, survey, PortBook())

    return make


def order(kind: OrderKind) -> Order:
    return Order("k", 1, kind, decision=1)


@pytest.mark.parametrize(
    ("findings", "status", "reason"),
    [
        ({"A": FINE, "B": FINE}, OutcomeStatus.DONE, OutcomeReason.OK),
        ({"A": FINE, "B": SLOW}, OutcomeStatus.DONE, OutcomeReason.OK),
        ({"A": FINE, "B": SICK}, OutcomeStatus.FAILED, OutcomeReason.CHECKS_FAILED),
        ({"A": FINE, "B": SILENT}, OutcomeStatus.FAILED, OutcomeReason.CHECKS_FAILED),
        ({"A": FINE, "B": SLUGGISH}, OutcomeStatus.DONE, OutcomeReason.OK),
        ({"A": FINE, "B": NOT_HERE}, OutcomeStatus.DONE, OutcomeReason.OK),
    ],
)
def test_validation(
    run: Run, make_node: Any, findings: dict[str, Verdict], status: OutcomeStatus, reason: OutcomeReason
) -> None:
    outcome: Outcome = run(validate_node.execute(order(ValidateNode()), ValidateNode(), make_node(**findings)))
    assert (outcome.status, outcome.reason) == (status, reason)
    assert ("B: " in outcome.message) == (status is OutcomeStatus.FAILED)


def test_what_is_not_to_be_told_here_is_named_and_bars_nobody(run: Run, make_node: Any) -> None:
    node = make_node(A=FINE, **{f"B{number}": NOT_HERE for number in range(6)})
    outcome = run(validate_node.execute(order(ValidateNode()), ValidateNode(), node))
    assert outcome.message == "1 checks passed; not to be told here: B0, B1, B2, B3 and 2 more"


def test_validation_finds_a_state_directory_that_keeps_nothing(run: Run, make_node: Any, tmp_path: Path) -> None:
    node = make_node(A=FINE)
    tmp_path.rmdir()
    outcome = run(validate_node.execute(order(ValidateNode()), ValidateNode(), node))
    assert outcome.reason is OutcomeReason.CHECKS_FAILED
    assert str(tmp_path) in outcome.message


LAUNCH = LaunchAttempt(
    job="job-1",
    attempt=1,
    node_rank=0,
    nodes=1,
    workers_per_node=1,
    launcher=Launcher.DIRECT,
    interpreter="/usr/bin/python3",
    script="/s.py",
    args=[],
    directory="/",
    environment={},
    user="nobody",
    master_address="127.0.0.1",
    master_port=1,
)


def test_what_the_node_does_not_permit_is_refused(run: Run, make_node: Any) -> None:
    outcome = run(launch_attempt.execute(order(LAUNCH), LAUNCH, make_node()))
    assert (outcome.status, outcome.reason) == (OutcomeStatus.REFUSED, OutcomeReason.NOT_PERMITTED)
    assert "nobody" in outcome.message


def test_a_stop_of_what_never_was_is_done(run: Run, make_node: Any) -> None:
    kind = StopAttempt("job-1", 1, 1.0)
    outcome = run(stop_attempt.execute(order(kind), kind, make_node()))
    assert outcome.status is OutcomeStatus.DONE
    assert outcome.part is not None
    assert outcome.part.exit is not None
    assert outcome.part.exit.end is End.NEVER_STARTED


KNOWN, MEANWHILE = 3, 4  # generations


def remap(status: Status, *components: str, generation: int = KNOWN) -> Condition:
    return Condition(
        "GpuRowRemapFailed",
        status,
        Severity.CRITICAL,
        "word",
        "said",
        NOW,
        generation,
        NOW,
        components=list(components),
    )


def cleared(make_node: Any, said: list[Condition | None], *components: str) -> tuple[NodeServices, ClearCondition, Any]:
    """A node that says these one after another, the order, and what it cleared."""
    asked: list[tuple[str, list[str], str]] = []

    async def clear(type_: str, of: list[str], words: str) -> None:
        asked.append((type_, of, words))

    node = replace(make_node(), clear=clear, condition=lambda _type: said.pop(0))
    return node, ClearCondition("GpuRowRemapFailed", KNOWN, "person:ann", "exchanged", list(components)), asked


@pytest.mark.parametrize(
    ("after", "components", "status", "reason", "says"),
    [
        (remap(Status.FALSE), [], OutcomeStatus.DONE, OutcomeReason.OK, "is FALSE: said"),
        (remap(Status.TRUE, "b"), ["a"], OutcomeStatus.DONE, OutcomeReason.OK, "still TRUE of others"),
        (remap(Status.TRUE, "a", "b"), ["a"], OutcomeStatus.FAILED, OutcomeReason.CHECKS_FAILED, "TRUE, still so"),
        (remap(Status.TRUE, "a"), [], OutcomeStatus.FAILED, OutcomeReason.CHECKS_FAILED, "TRUE, still so"),
        (remap(Status.TRUE), ["a"], OutcomeStatus.FAILED, OutcomeReason.CHECKS_FAILED, "TRUE, still so"),
        (remap(Status.UNKNOWN), [], OutcomeStatus.FAILED, OutcomeReason.CHECKS_FAILED, "can't be told"),
    ],
)
def test_a_fault_is_cleared_on_a_persons_word_and_what_is_so_now_is_told(
    run: Run,
    make_node: Any,
    after: Condition,
    components: list[str],
    status: OutcomeStatus,
    reason: OutcomeReason,
    says: str,
) -> None:
    node, kind, asked = cleared(make_node, [remap(Status.TRUE, "a"), after], *components)
    outcome = run(clear_condition.execute(order(kind), kind, node))
    assert asked == [("GpuRowRemapFailed", components, "cleared by person:ann: exchanged")]
    assert (outcome.status, outcome.reason) == (status, reason)
    assert says in outcome.message


@pytest.mark.parametrize(
    ("before", "status", "reason"),
    [
        (remap(Status.TRUE, "a", generation=MEANWHILE), OutcomeStatus.REFUSED, OutcomeReason.CHANGED),
        (remap(Status.FALSE, generation=MEANWHILE), OutcomeStatus.DONE, OutcomeReason.OK),
        (None, OutcomeStatus.DONE, OutcomeReason.OK),
    ],
    ids=["another fault", "over, or cleared before a crash", "never said"],
)
def test_what_is_not_what_the_person_knew_is_left_alone(
    run: Run, make_node: Any, before: Condition | None, status: OutcomeStatus, reason: OutcomeReason
) -> None:
    node, kind, asked = cleared(make_node, [before])
    outcome = run(clear_condition.execute(order(kind), kind, node))
    assert (outcome.status, outcome.reason, asked) == (status, reason, [])


def test_every_kind_of_order_has_its_module() -> None:
    assert set(discover()) == set(OrderKind.__args__)

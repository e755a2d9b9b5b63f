"""The gate's decisions, as a table."""

from datetime import UTC, datetime, timedelta

import pytest

from agent.memory import OrderState, Remembered
from agent.orders.gate import Answered, Facts, Proceed, Refusal, judge
from wire.orders import (
    Diagnose,
    LaunchAttempt,
    Order,
    OrderKind,
    Outcome,
    OutcomeReason,
    OutcomeStatus,
    ReservePort,
    StopAttempt,
    ValidateNode,
)
from wire.specs import Launcher

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)
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
STOP = StopAttempt("job-1", 1, 1.0)
ENDED = Remembered(OrderState.ENDED, Outcome("k", OutcomeStatus.DONE, OutcomeReason.OK))
ACCEPTED = Remembered(OrderState.ACCEPTED)


def order(
    kind: OrderKind = STOP, epoch: int = 5, boot_id: str | None = None, expires_at: datetime | None = None
) -> Order:
    return Order("k", epoch, kind, 1, boot_id, expires_at)


def facts(held: bool = False, begun: bool = False) -> Facts:
    return Facts(boot_id="boot", highest_epoch=5, now=NOW, held=held, begun=begun)


@pytest.mark.parametrize(
    ("asked", "memory", "known", "expected"),
    [
        pytest.param(order(), None, facts(), "proceed", id="new"),
        pytest.param(order(epoch=6), None, facts(), "proceed", id="a newer epoch"),
        pytest.param(order(epoch=4), None, facts(), OutcomeReason.OLD_EPOCH, id="an older epoch"),
        pytest.param(order(boot_id="boot"), None, facts(), "proceed", id="this boot"),
        pytest.param(order(boot_id="other"), None, facts(), OutcomeReason.OTHER_BOOT, id="another boot"),
        pytest.param(order(expires_at=NOW + SECOND), None, facts(), "proceed", id="still fresh"),
        pytest.param(order(expires_at=NOW), None, facts(), OutcomeReason.EXPIRED, id="expired just now"),
        pytest.param(order(LAUNCH), None, facts(held=True), OutcomeReason.HELD, id="launch on a held node"),
        pytest.param(order(Diagnose()), None, facts(held=True), OutcomeReason.HELD, id="diagnostics on a held node"),
        pytest.param(order(STOP), None, facts(held=True), "proceed", id="stop on a held node"),
        pytest.param(order(ValidateNode()), None, facts(held=True), "proceed", id="validate on a held node"),
        pytest.param(order(ReservePort("job-1", 1)), None, facts(held=True), "proceed", id="port on a held node"),
        pytest.param(order(), ENDED, facts(), "answered", id="done before"),
        pytest.param(order(epoch=1, expires_at=NOW), ENDED, facts(), "answered", id="done before, asked late"),
        pytest.param(order(), ACCEPTED, facts(), "proceed", id="interrupted"),
        pytest.param(order(LAUNCH, expires_at=NOW), ACCEPTED, facts(), OutcomeReason.EXPIRED, id="interrupted, stale"),
        pytest.param(order(LAUNCH, expires_at=NOW), ACCEPTED, facts(begun=True), "proceed", id="interrupted, begun"),
        pytest.param(order(LAUNCH), ACCEPTED, facts(held=True, begun=True), "proceed", id="begun, then held"),
        pytest.param(
            order(LAUNCH, epoch=4), ACCEPTED, facts(begun=True), OutcomeReason.OLD_EPOCH, id="begun, old epoch"
        ),
    ],
)
def test_decision(asked: Order, memory: Remembered | None, known: Facts, expected: str) -> None:
    match judge(asked, memory, known):
        case Proceed():
            assert expected == "proceed"
        case Answered(outcome):
            assert expected == "answered"
            assert outcome == ENDED.outcome
        case Refusal(reason, message):
            assert reason == expected
            assert message

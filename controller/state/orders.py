"""The ledger of orders: written before an order leaves, closed by its outcome."""

from collections.abc import Mapping
from datetime import datetime, timedelta

import msgspec
from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session

from controller.state.live import LiveNode
from controller.state.models import OrderRow
from controller.state.store import changed_one
from wire.api import OrderState
from wire.orders import Order, OrderKind, Outcome, OutcomeStatus

TRY_AGAIN_S = 2.0  # the pause after the first try; it doubles
TRY_AGAIN_AT_MOST_S = 60.0

_payload = msgspec.msgpack.Decoder(Order)


_BY_STATUS = {
    OutcomeStatus.DONE: OrderState.DONE,
    OutcomeStatus.FAILED: OrderState.FAILED,
    OutcomeStatus.REFUSED: OrderState.REFUSED,
}


def give(
    session: Session,
    key: str,
    node: str,
    kind: OrderKind,
    decision: int,
    epoch: int,
    now: datetime,
    lives_s: float | None,
    boot_id: str | None,
) -> None:
    """Write an order; a key that is known changes nothing."""
    if session.get(OrderRow, key) is not None:
        return
    expires_at = None if lives_s is None else now + timedelta(seconds=lives_s)
    order = Order(key, epoch, kind, decision, boot_id, expires_at)
    session.add(
        OrderRow(
            key=key,
            node=node,
            kind=kind.__struct_config__.tag,
            payload=msgspec.msgpack.encode(order),
            decision=decision,
            epoch=epoch,
            state=OrderState.PENDING,
            created_at=now,
            expires_at=expires_at,
        )
    )
    session.flush()


def key_to_try(session: Session, key: str, now: datetime) -> str:
    """The key under which an order that must succeed is given: its own, or after a try that failed, and a pause, a new
    one. The same key is never carried out twice, so trying again takes another."""
    again = OrderRow.key.startswith(f"{key}:", autoescape=True)
    query = select(OrderRow.state, OrderRow.ended_at).where(or_(OrderRow.key == key, again))
    tries = session.execute(query.order_by(OrderRow.created_at)).all()
    if not tries:
        return key
    state, ended_at = tries[-1]
    pause = timedelta(seconds=min(TRY_AGAIN_AT_MOST_S, TRY_AGAIN_S * 2 ** (len(tries) - 1)))
    failed = state in (OrderState.FAILED, OrderState.REFUSED)
    due = len(tries) + 1 if failed and ended_at is not None and now - ended_at >= pause else len(tries)
    return key if due == 1 else f"{key}:{due}"


def outcome(session: Session, key: str) -> Outcome | None:
    row = session.get(OrderRow, key)
    if row is None or row.outcome is None:
        return None
    return msgspec.convert(row.outcome, Outcome)


def close(session: Session, node: str, outcome: Outcome, now: datetime) -> OrderRow | None:
    """Record an outcome. None when the node was given no such order, or has answered it already."""
    statement = (
        update(OrderRow)
        .where(OrderRow.key == outcome.key, OrderRow.node == node, OrderRow.state == OrderState.PENDING)
        .values(state=_BY_STATUS[outcome.status], ended_at=now, outcome=msgspec.to_builtins(outcome, str_keys=True))
    )
    if not changed_one(session, statement):
        return None
    return session.get(OrderRow, outcome.key, populate_existing=True)


def newest(session: Session, node: str, kind: type[OrderKind]) -> str:
    """The key of the last order of this kind that the node was given."""
    query = select(OrderRow.key).where(OrderRow.node == node, OrderRow.kind == kind.__struct_config__.tag)
    return session.scalars(query.order_by(OrderRow.decision.desc()).limit(1)).one()


def withdraw(session: Session, key: str, now: datetime) -> bool:
    """Take back an order that never left. False when it may have left, or has an outcome."""
    statement = (
        update(OrderRow)
        .where(OrderRow.key == key, OrderRow.state == OrderState.PENDING, OrderRow.sent_at.is_(None))
        .values(state=OrderState.WITHDRAWN, ended_at=now)
    )
    return changed_one(session, statement)


def abandon(session: Session, node: str, now: datetime) -> None:
    """What the node has not answered yet is no longer wanted."""
    session.execute(
        update(OrderRow)
        .where(OrderRow.node == node, OrderRow.state == OrderState.PENDING)
        .values(state=OrderState.WITHDRAWN, ended_at=now)
    )


def never_left(session: Session, key: str) -> bool:
    row = session.get(OrderRow, key, populate_existing=True)
    return row is None or row.state in (OrderState.WITHDRAWN, OrderState.EXPIRED)


def expire_unsent(session: Session, now: datetime) -> None:
    session.execute(
        update(OrderRow)
        .where(OrderRow.state == OrderState.PENDING, OrderRow.sent_at.is_(None), OrderRow.expires_at < now)
        .values(state=OrderState.EXPIRED, ended_at=now)
    )


def pending_keys(session: Session) -> set[str]:
    return set(session.scalars(select(OrderRow.key).where(OrderRow.state == OrderState.PENDING)).all())


def due(
    session: Session, nodes: Mapping[str, LiveNode], sent: Mapping[str, int], epoch: int, now: datetime
) -> list[tuple[str, Order]]:
    """Pending orders of connected nodes that were not sent on the node's present connection, oldest first.

    ``sent`` maps an order's key to the connection it last left on. They are marked as sent here, in the transaction
    that is committed before they leave.
    """
    rows = session.scalars(
        select(OrderRow).where(OrderRow.state == OrderState.PENDING).order_by(OrderRow.created_at, OrderRow.key)
    ).all()
    leaving = []
    for row in rows:
        node = nodes.get(row.node)
        if node is None or not node.connected or sent.get(row.key) == node.session_number:
            continue
        row.sent_at = row.sent_at or now
        leaving.append((row.node, msgspec.structs.replace(_payload.decode(row.payload), epoch=epoch)))
    return leaving

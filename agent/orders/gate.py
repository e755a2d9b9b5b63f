"""May this order be carried out, now, here? The last fence before something is done."""

from datetime import datetime

import msgspec

from agent.memory import OrderState, Remembered
from wire.orders import Diagnose, LaunchAttempt, Order, Outcome, OutcomeReason


class Proceed(msgspec.Struct, frozen=True):
    pass


class Answered(msgspec.Struct, frozen=True):
    """The key was carried out or refused before: the same outcome again."""

    outcome: Outcome


class Refusal(msgspec.Struct, frozen=True):
    reason: OutcomeReason
    message: str


class Facts(msgspec.Struct, frozen=True):
    """``held``: a person's hold file is there. ``begun``: the order was accepted before and left its mark."""

    boot_id: str
    highest_epoch: int
    now: datetime
    held: bool = False
    begun: bool = False


def judge(order: Order, memory: Remembered | None, facts: Facts) -> Proceed | Answered | Refusal:
    """The first rule that applies decides.

    An order that was accepted and has no outcome (a crash came between) is judged like a new one, unless its work
    has begun: that is a fact and no plan any more. A hold stops launches
    and diagnostics; stops are always let through.
    """
    if memory is not None and memory.state is OrderState.ENDED and memory.outcome is not None:
        return Answered(memory.outcome)
    if order.epoch < facts.highest_epoch:
        return Refusal(
            OutcomeReason.OLD_EPOCH,
            f"order of epoch {order.epoch}; epoch {facts.highest_epoch} is in force",
        )
    if facts.begun:
        return Proceed()
    if order.boot_id is not None and order.boot_id != facts.boot_id:
        return Refusal(OutcomeReason.OTHER_BOOT, f"decided about boot {order.boot_id}; this is {facts.boot_id}")
    if order.expires_at is not None and order.expires_at <= facts.now:
        late = (facts.now - order.expires_at).total_seconds()
        return Refusal(OutcomeReason.EXPIRED, f"expired {late:.1f} s ago; decide again")
    if facts.held and isinstance(order.kind, LaunchAttempt | Diagnose):
        return Refusal(OutcomeReason.HELD, "a hold file on the node stops launches and diagnostics; remove it")
    return Proceed()

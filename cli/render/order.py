"""One order to a node: who gave it, how far it is, and what the node answered."""

from datetime import datetime

from rich.console import Group, RenderableType
from rich.text import Text

from cli.render.words import age, because, duration, facts, phase
from wire.api import OrderState, OrderView


def order(view: OrderView, now: datetime, _wide: bool = False) -> RenderableType:
    head = Text.assemble((view.kind, "bold"), f" on {view.node}  ", phase(view.state))
    rows = {
        "asked": f"{age(view.created_at, now)} ago by {view.asked_by}",
        "told": "not yet" if view.sent_at is None else f"{age(view.sent_at, now)} ago",
    }
    if view.ended_at is None and view.expires_at is not None:
        left = (view.expires_at - now).total_seconds()
        rows["expires"] = f"in {duration(left)}" if left > 0 else f"{age(view.expires_at, now)} ago"
    if view.ended_at is not None:
        rows["answer"] = answer(view)
    return Group(head, facts(rows))


def waiting(view: OrderView) -> str:
    return f"{view.node} is {'told' if view.sent_at else 'not told yet'}: {view.kind}"


def answer(view: OrderView) -> str:
    """What the node said, or that it said nothing."""
    if view.state is OrderState.EXPIRED:
        return f"{view.node} was out of contact until the order had expired; give it again when it is back"
    if view.state in (OrderState.PENDING, OrderState.WITHDRAWN):
        return f"{view.node} does not answer; the order has expired, and is refused if it comes to it yet"
    return view.message if view.state is OrderState.DONE else because(view.reason, view.message)

"""Nodes."""

from collections.abc import Sequence
from datetime import datetime

from rich.console import Group, RenderableType
from rich.text import Text

from cli.render.words import DIM, NONE, WARN, age, duration, facts, optional, phase, table
from wire.api import HoldView, NodeView
from wire.conditions import Condition, Severity, Status

GIB = 1024**3


def nodes(views: Sequence[NodeView]) -> RenderableType:
    if not views:
        return Text("no node has joined; `mainstay token create --kind join --name NODE` makes a token for one")
    made = table("NAME", "PHASE", "HEALTH", "HOLDS", "CONTACT", "ADDRESS", "RUNS")
    for view in views:
        holds = Text(str(len(view.holds)), style=WARN if view.holds else DIM)
        made.add_row(
            view.name,
            phase(view.phase),
            phase(view.health),
            holds,
            _contact(view),
            view.address,
            ", ".join(view.jobs) or NONE,
        )
    return made


def node(view: NodeView, now: datetime) -> RenderableType:
    head = Text.assemble((view.name, "bold"), "  ", phase(view.phase), "  ", phase(view.health))
    if view.health_reason:
        head.append(f" ({view.health_reason})")
    rows = {
        "runs": ", ".join(view.jobs) or "nothing",
        "contact": _contact(view) + ("" if view.last_contact_s is None else " ago"),
        "address": view.address,
        "machine": f"{view.cpus} CPUs, {view.memory_bytes / GIB:.1f} GiB, {_accelerators(view)}",
        "joined": f"{age(view.joined_at, now)} ago, agent {optional(view.agent_version)}",
    }
    parts: list[RenderableType] = [head, facts(rows), Text(), _holds(view.holds, now)]
    if view.conditions:
        parts += [Text(), _conditions(view.conditions, now)]
    return Group(*parts)


def _holds(holds: Sequence[HoldView], now: datetime) -> RenderableType:
    if not holds:
        return Text("no holds: it takes work when it is ready", style=DIM)
    made = table("HELD BY", "AGE", "UNTIL", "REASON")
    for hold in holds:
        until = duration((hold.expires_at - now).total_seconds()) if hold.expires_at else "lifted"
        made.add_row(Text(hold.owner, style=WARN), age(hold.created_at, now), until, hold.reason)
    return made


def _conditions(conditions: Sequence[Condition], now: datetime) -> RenderableType:
    """Faults first, worst on top."""
    made = table("CONDITION", "STATUS", "SEVERITY", "AGE", "MESSAGE")
    for each in sorted(conditions, key=_urgency):
        status = Text("expired", style=DIM) if each.expires_at < now else phase(each.status)
        fault = each.status is Status.TRUE
        severity = phase(each.severity) if fault else Text(each.severity, style=DIM)
        made.add_row(each.type, status, severity, age(each.since, now), each.message)
    return made


def _urgency(condition: Condition) -> tuple[int, int, str]:
    statuses, severities = [Status.TRUE, Status.UNKNOWN, Status.FALSE], [*reversed(Severity)]
    return statuses.index(condition.status), severities.index(condition.severity), condition.type


def _contact(view: NodeView) -> str:
    return NONE if view.last_contact_s is None else duration(view.last_contact_s)


def _accelerators(view: NodeView) -> str:
    return "1 accelerator" if view.accelerators == 1 else f"{view.accelerators} accelerators"

"""Nodes."""

from collections.abc import Sequence
from datetime import datetime

from rich.console import Group, RenderableType
from rich.text import Text

from cli.render import diagnostics
from cli.render.fitting import Room
from cli.render.listing import Column, listing
from cli.render.words import DIM, NONE, WARN, age, duration, facts, optional, phase, youngest
from wire.api import AcceleratorKind, HoldView, NodeView
from wire.conditions import Condition, Severity, Status

GIB = 1024**3
COMPONENTS_SHOWN = 8


def nodes(views: Sequence[NodeView], now: datetime, wide: bool = False) -> RenderableType:
    if not views:
        return Text("no node has joined; `mainstay token create --kind join --name NODE` makes a token for one")
    return listing(views, COLUMNS, now, wide)


def node(view: NodeView, now: datetime, wide: bool = False) -> RenderableType:
    head = Text.assemble((view.name, "bold"), "  ", phase(view.phase), "  ", phase(view.health))
    if view.health_reason:
        head.append(f" ({view.health_reason})")
    rows = {
        "runs": ", ".join(view.jobs) or "nothing",
        "contact": _contact(view) + ("" if view.last_contact_s is None else " ago"),
        "address": view.address,
        "machine": f"{view.cpus} CPUs, {_memory(view)}, {_accelerators(view)}",
        **({"kinds": ", ".join(map(_kind, view.accelerator_kinds))} if view.accelerator_kinds else {}),
        "joined": f"{age(view.joined_at, now)} ago, agent {optional(view.agent_version)}",
    }
    parts: list[RenderableType] = [head, facts(rows), Text(), _holds(view.holds, now)]
    parts += _conditions(view.conditions, now, wide)
    if view.diagnostics:
        parts += [Text(), diagnostics.of_node(view.diagnostics, now)]
    return Group(*parts)


def _conditions(conditions: Sequence[Condition], now: datetime, wide: bool) -> list[RenderableType]:
    """Faults and what is unknown; with ``wide`` each condition, else what is well is counted and those of which the
    same is said are one row."""
    ordered = sorted(conditions, key=_urgency)
    shown = ordered if wide else [each for each in ordered if each.status is not Status.FALSE or each.expires_at < now]
    rows = [[each] for each in shown] if wide else _alike(shown)
    befallen = [row for row in rows if row[0].components and row[0].status is not Status.FALSE]
    parts: list[RenderableType] = [Text(), listing(rows, CONDITIONS, now)] if rows else []
    if befallen:
        parts += [Text(), listing(befallen, BEFALLEN, now)]
    if well := len(ordered) - len(shown):
        said = "1 condition is FALSE" if well == 1 else f"{well} conditions are FALSE"
        parts += [Text(), Text(f"{said}; -o wide shows {'it' if well == 1 else 'them'}", style=DIM)]
    return parts


def _alike(conditions: Sequence[Condition]) -> list[list[Condition]]:
    """In their order; unknown for the same reason, of a sensor or a GPU that does not answer, go together."""
    rows: dict[tuple[str, ...], list[Condition]] = {}
    for each in conditions:
        silent = each.status is Status.UNKNOWN
        key = ("", each.severity, each.message, *each.components) if silent else (each.type,)
        rows.setdefault(key, []).append(each)
    return list(rows.values())


def _types(alike: Sequence[Condition]) -> str:
    more = len(alike) - 1
    return f"{alike[0].type} and {more} more" if more else alike[0].type


def draining(view: NodeView) -> str:
    """What a drain still waits for, in one line."""
    runs = f"; still runs {', '.join(view.jobs)}" if view.jobs else ""
    return f"{view.name} is {view.phase}{runs}"


def _holds(holds: Sequence[HoldView], now: datetime) -> RenderableType:
    if not holds:
        return Text("no holds: it takes work when it is ready", style=DIM)
    return listing(holds, HOLDS, now)


def _until(hold: HoldView, now: datetime) -> str:
    return duration((hold.expires_at - now).total_seconds()) if hold.expires_at else "lifted"


def _status(condition: Condition, now: datetime) -> Text:
    return Text("expired", style=DIM) if condition.expires_at < now else phase(condition.status)


def _severity(condition: Condition) -> Text:
    """In colour where it counts."""
    return phase(condition.severity) if condition.status is Status.TRUE else Text(condition.severity, style=DIM)


def _urgency(condition: Condition) -> tuple[int, int, str]:
    """Faults first, worst on top."""
    statuses, severities = [Status.TRUE, Status.UNKNOWN, Status.FALSE], [*reversed(Severity)]
    return statuses.index(condition.status), severities.index(condition.severity), condition.type


def _components(condition: Condition) -> str:
    """In full, as `--component` wants them."""
    more = len(condition.components) - COMPONENTS_SHOWN
    shown = condition.components[:COMPONENTS_SHOWN]
    return ", ".join([*shown, f"and {more} more; -o json has all"] if more > 0 else shown)


def _contact(view: NodeView) -> str:
    return NONE if view.last_contact_s is None else duration(view.last_contact_s)


def _memory(view: NodeView) -> str:
    return f"{view.memory_bytes / GIB:.1f} GiB"


def _accelerators(view: NodeView) -> str:
    return "1 accelerator" if view.accelerators == 1 else f"{view.accelerators} accelerators"


def _kind(each: AcceleratorKind) -> str:
    memory = f" of {each.memory_bytes / GIB:.0f} GiB" if each.memory_bytes else ""
    return f"{each.count} {each.kind or 'unnamed'}{memory}"


def _held(view: NodeView) -> Text:
    return Text(str(len(view.holds)), style=WARN if view.holds else DIM)


def _held_by(view: NodeView) -> str:
    return ", ".join(dict.fromkeys(hold.owner for hold in view.holds)) or NONE


HOLDS: tuple[Column[HoldView], ...] = (
    Column("HELD BY", lambda hold, _: Text(hold.owner, style=WARN), room=Room.NAME),
    Column("AGE", lambda hold, now: age(hold.created_at, now)),
    Column("UNTIL", _until),
    Column("REASON", lambda hold, _: hold.reason, room=Room.TEXT),
)
CONDITIONS: tuple[Column[list[Condition]], ...] = (
    Column("CONDITION", lambda row, _: _types(row), room=Room.NAME),
    Column("STATUS", lambda row, now: _status(row[0], now)),
    Column("SEVERITY", lambda row, _: _severity(row[0])),
    Column("AGE", lambda row, now: age(min(each.since for each in row), now)),
    Column("MESSAGE", lambda row, _: row[0].message, room=Room.TEXT),
)
BEFALLEN: tuple[Column[list[Condition]], ...] = (
    Column("CONDITION", lambda row, _: _types(row), room=Room.NAME),
    Column("OF", lambda row, _: _components(row[0]), room=Room.TEXT),
)
COLUMNS: tuple[Column[NodeView], ...] = (
    Column("NAME", lambda view, _: view.name, room=Room.NAME),
    Column("PHASE", lambda view, _: phase(view.phase)),
    Column("HEALTH", lambda view, _: phase(view.health)),
    Column("REASON", lambda view, _: optional(view.health_reason), room=Room.NAME),
    Column("HOLDS", lambda view, _: _held(view)),
    Column("CONTACT", lambda view, _: _contact(view), key=lambda view: view.last_contact_s),
    Column("RUNS", lambda view, _: ", ".join(view.jobs) or NONE, room=Room.NAME),
    Column("HELD BY", lambda view, _: _held_by(view), wide=True),
    Column("ADDRESS", lambda view, _: view.address, wide=True),
    Column("ACCELERATORS", lambda view, _: str(view.accelerators), wide=True),
    Column("CPUS", lambda view, _: str(view.cpus), wide=True),
    Column("MEMORY", lambda view, _: _memory(view), wide=True, key=lambda view: view.memory_bytes),
    Column("AGENT", lambda view, _: optional(view.agent_version), wide=True),
    Column("JOINED", lambda view, now: age(view.joined_at, now), wide=True, key=lambda view: youngest(view.joined_at)),
)

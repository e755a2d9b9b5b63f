"""Runs: one execution of a playbook each."""

from collections.abc import Sequence
from datetime import datetime

from rich.console import Group, RenderableType
from rich.text import Text

from cli.render.fitting import Room
from cli.render.listing import Column, listing
from cli.render.words import age, because, clock, duration, facts, optional, phase, youngest
from wire.api import RunView, StepView


def runs(views: Sequence[RunView], now: datetime, wide: bool = False) -> RenderableType:
    return listing(views, COLUMNS, now, wide) if views else Text("no playbook has run")


def run(view: RunView, now: datetime, _wide: bool = False) -> RenderableType:
    """What it was about, how it stands, and every step with the decision behind it."""
    head = Text.assemble((f"run {view.id}", "bold"), f"  {view.playbook} on {view.subject}  ", phase(view.phase))
    why = because(view.reason, view.message)
    head.append(f"  {why}" if why else "")
    rows = {"because": view.cause, "began": f"{clock(view.created_at, now)} UTC, {age(view.created_at, now)} ago"}
    rows["took"] = _took(view.created_at, view.ended_at) if view.ended_at else f"{age(view.created_at, now)} so far"
    rows["incident"] = str(view.incident)
    if view.approval is not None:
        until = f"{clock(view.approval.expires_at, now)} UTC"
        rows["approved"] = f"by {view.approval.approved_by} {age(view.approval.approved_at, now)} ago, until {until}"
    parts: list[RenderableType] = [head, facts({name: value for name, value in rows.items() if value})]
    if view.steps:
        parts += [Text(), listing(view.steps, STEPS, now)]
    return Group(*parts)


def _decision(step: StepView) -> str:
    return optional(f"{step.decision.verdict}: {step.decision.reason}" if step.decision else None)


def _why(step: StepView) -> str:
    """What is said about the step; if nothing is, about the decision behind it."""
    said = because(step.reason, step.message)
    return optional(said or (step.decision.message if step.decision else None))


def _took(began: datetime | None, ended: datetime | None) -> str:
    return optional(duration((ended - began).total_seconds()) if began and ended else None)


def _seconds(view: RunView) -> float | None:
    return (view.ended_at - view.created_at).total_seconds() if view.ended_at else None


STEPS: tuple[Column[StepView], ...] = (
    Column("ACTION", lambda step, _: step.action),
    Column("TARGET", lambda step, _: step.target, room=Room.NAME),
    Column("PHASE", lambda step, _: phase(step.phase)),
    Column("TOOK", lambda step, _: _took(step.started_at, step.ended_at)),
    Column("DECISION", lambda step, _: _decision(step), room=Room.NAME),
    Column("REASON", lambda step, _: _why(step), room=Room.TEXT),
)
COLUMNS: tuple[Column[RunView], ...] = (
    Column("ID", lambda view, _: str(view.id), key=lambda view: view.id),
    Column("PLAYBOOK", lambda view, _: view.playbook, room=Room.NAME),
    Column("SUBJECT", lambda view, _: view.subject, room=Room.NAME),
    Column("PHASE", lambda view, _: phase(view.phase)),
    Column("AGE", lambda view, now: age(view.created_at, now), key=lambda view: youngest(view.created_at)),
    Column("TOOK", lambda view, _: _took(view.created_at, view.ended_at), key=_seconds),
    Column("INCIDENT", lambda view, _: str(view.incident), wide=True, key=lambda view: view.incident),
    Column("REASON", lambda view, _: optional(because(view.reason, view.message)), room=Room.PROSE),
    Column("CAUSE", lambda view, _: optional(view.cause), wide=True, room=Room.PROSE),
)

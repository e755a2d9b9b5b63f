"""Runs: one execution of a playbook each."""

from collections.abc import Sequence
from datetime import datetime

from rich.console import Group, RenderableType
from rich.text import Text

from cli.render.words import age, duration, facts, optional, phase, table
from wire.api import RunView, StepView


def runs(views: Sequence[RunView], now: datetime) -> RenderableType:
    if not views:
        return Text("no playbook has run")
    made = table("ID", "PLAYBOOK", "SUBJECT", "PHASE", "AGE", "TOOK", "REASON")
    for view in views:
        why = ": ".join(word for word in (view.reason, view.message) if word)
        cells = (str(view.id), view.playbook, view.subject, phase(view.phase), age(view.created_at, now))
        made.add_row(*cells, _took(view.created_at, view.ended_at), optional(why))
    return made


def run(view: RunView, now: datetime) -> RenderableType:
    head = Text.assemble((f"run {view.id}", "bold"), f"  {view.playbook} on {view.subject}  ", phase(view.phase))
    why = ": ".join(word for word in (view.reason, view.message) if word)
    head.append(f"  {why}" if why else "")
    rows = {"began": f"{age(view.created_at, now)} ago", "took": _took(view.created_at, view.ended_at)}
    rows["incident"] = str(view.incident)
    parts: list[RenderableType] = [head, facts(rows)]
    if view.steps:
        parts += [Text(), _steps(view.steps)]
    return Group(*parts)


def _steps(steps: Sequence[StepView]) -> RenderableType:
    made = table("ACTION", "TARGET", "PHASE", "TOOK", "DECISION", "REASON")
    for step in steps:
        decision = f"{step.decision.verdict}: {step.decision.reason}" if step.decision else None
        why = ": ".join(word for word in (step.reason, step.message) if word)
        took = _took(step.started_at, step.ended_at)
        made.add_row(step.action, step.target, phase(step.phase), took, optional(decision), optional(why))
    return made


def _took(began: datetime | None, ended: datetime | None) -> str:
    return optional(duration((ended - began).total_seconds()) if began and ended else None)

"""The chain from reading to verification, told from the rows."""

from collections.abc import Iterable

from sqlalchemy.orm import Session

from controller.errors import NotFound
from controller.state.events import newest
from controller.state.models import Node, Run
from controller.state.operations import find_job
from controller.state.views import Seen, job_view, node_view, run_view
from wire.api import EventView, JobView, NodeView, WhyLink, WhyView

LINKS = 60  # the newest links of a chain that are shown

STAGES = {
    "condition": "judge",
    "rank_failed": "sense",
    "part_running": "report",
    "part_ended": "report",
    "part_starting": "report",
    "part_stopping": "report",
    "node_contact": "record",
    "node_joined": "record",
    "node_lost": "detect",
    "node_returned": "detect",
    "attempt_failed": "detect",
    "run_proposed": "decide",
    "decision": "decide",
    "hold_added": "act",
    "hold_lifted": "act",
    "node_phase": "act",
    "attempt_placed": "act",
    "attempt_starting": "act",
    "attempt_stopping": "act",
    "outcome": "act",
    "step_phase": "act",
    "part_proven": "verify",
    "attempt_ended": "verify",
    "attempt_running": "verify",
    "first_step": "verify",
    "run_phase": "verify",
    "job_phase": "account",
    "checkpoint_published": "record",
    "checkpoint_refused": "record",
}
ROUTINE = frozenset({"checkpoint_published"})


def why_job(session: Session, ref: str, seen: Seen) -> WhyView:
    job = find_job(session, ref)
    view = job_view(session, job.id, seen)
    events = newest(session, LINKS * 4, job=job.id)
    return WhyView(f"job:{job.id}", _job_summary(view), chain(events))


def why_node(session: Session, name: str, seen: Seen) -> WhyView:
    view = node_view(session, name, seen)
    if view is None:
        raise NotFound(f"no node {name!r}; `mainstay node list` shows those there are")
    return WhyView(f"node:{name}", _node_summary(view), chain(newest(session, LINKS * 4, node=name)))


def why_run(session: Session, ref: str, _seen: Seen) -> WhyView:
    run = run_view(session, int(ref)) if ref.isdigit() else None
    if run is None:
        raise NotFound(f"no run {ref!r}; `mainstay run list` shows those there are")
    text = f"run {run.id} of {run.playbook} on {run.subject} is {run.phase}" + (
        f": {run.message}" if run.message else ""
    )
    return WhyView(f"run:{run.id}", text, chain(newest(session, LINKS * 4, run=run.id)))


def why(session: Session, kind: str, ref: str, seen: Seen) -> WhyView:
    by_kind = {"job": why_job, "node": why_node, "run": why_run}
    return by_kind[kind](session, ref, seen)


def guess_kind(session: Session, ref: str) -> str:
    """What a bare name means: a run's number, a node, or else a job."""
    if ref.isdigit() and session.get(Run, int(ref)) is not None:
        return "run"
    return "node" if session.get(Node, ref) is not None else "job"


def chain(events: Iterable[EventView]) -> list[WhyLink]:
    """The newest links, oldest first; of a routine kind only the last one is told."""
    told = list(events)
    last = {event.kind: event.id for event in told}
    kept = [event for event in told if event.kind not in ROUTINE or last[event.kind] == event.id]
    return [WhyLink(event.at, STAGES.get(event.kind, "record"), _text(event), event.reason) for event in kept][-LINKS:]


def _text(event: EventView) -> str:
    if event.kind == "checkpoint_published":
        return f"last published checkpoint: {event.message}"
    if event.kind == "decision" and event.reason not in ("ok", ""):
        return f"{event.message} ({event.reason})"
    if event.kind in ("attempt_ended", "attempt_stopping") and event.reason:
        number = event.attempt
        verb = "ended" if event.kind == "attempt_ended" else "is being stopped"
        return f"attempt {number} {verb}: {event.reason}" + (f", {event.message}" if event.message else "")
    if event.kind == "hold_added":
        return f"hold by {event.reason}: {event.message}"
    if event.kind == "hold_lifted":
        return f"hold of {event.reason} lifted {event.message}"
    if event.kind in ("node_phase", "job_phase"):
        return f"{event.kind.split('_')[0]} is {event.reason}: {event.message}"
    return event.message or event.kind.replace("_", " ")


def _job_summary(job: JobView) -> str:
    ended = [attempt for attempt in job.attempts if attempt.end_reason]
    text = f"{job.id} is {job.phase}" + (f": {job.message}" if job.message and job.reason else "")
    if ended and ended[-1].end_reason != "succeeded":
        text += f"; attempt {ended[-1].number} ended: {ended[-1].end_reason}, {ended[-1].end_message}"
    return text


def _node_summary(node: NodeView) -> str:
    text = f"{node.name} is {node.phase} and {node.health}"
    if node.health_reason:
        text += f" ({node.health_reason})"
    return text + "".join(f"; held by {hold.owner}: {hold.reason}" for hold in node.holds)

"""The chain from reading to verification, told from the rows."""

from collections.abc import Callable, Iterable

from sqlalchemy.orm import Session

from controller.errors import NotFound
from controller.state.events import newest
from controller.state.operations import find_job
from controller.state.views import Seen, job_view, node_view, run_view
from wire.api import EventView, JobView, NodeView, WhyLink, WhyView

LINKS = 60  # the newest links of a chain that are shown

STAGES = {
    "condition": "judge",
    "condition_clearing": "act",
    "fault": "sense",
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
    "diagnostics_due": "record",  # nothing broke
    "silent_corruption": "detect",
    "slow_node": "detect",
    "diagnostics": "sense",
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
    "run_approved": "decide",
    "node_in_service": "record",
    "node_retired": "act",
    "job_phase": "account",
    "checkpoint_published": "record",
    "checkpoint_refused": "record",
}


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
    text += f"; it began because {run.cause}" if run.cause else ""
    return WhyView(f"run:{run.id}", text, chain(newest(session, LINKS * 4, run=run.id)))


def why(session: Session, kind: str, ref: str, seen: Seen) -> WhyView:
    by_kind = {"job": why_job, "node": why_node, "run": why_run}
    return by_kind[kind](session, ref, seen)


def chain(events: Iterable[EventView]) -> list[WhyLink]:
    """The newest links, oldest first."""
    return [_link(event) for event in events if not _passing(event)][-LINKS:]


def _link(event: EventView) -> WhyLink:
    return WhyLink(event.at, STAGES.get(event.kind, "record"), _text(event), event.reason, event.kind)


def _passing(event: EventView) -> bool:
    """A step or run that has only begun: the decision before it says so already."""
    return event.kind in ("step_phase", "run_phase") and (event.detail.get("phase") or event.reason) == "running"


def _text(event: EventView) -> str:
    tell = _TEXTS.get(event.kind)
    return tell(event) if tell is not None else event.message or event.kind.replace("_", " ")


def _because(event: EventView, text: str) -> str:
    return f"{text}: {', '.join(filter(None, (event.reason, event.message)))}"


def _decision(event: EventView) -> str:
    actor = event.message.partition(" ")[0].removeprefix("mainstay:")
    what = event.message.partition(" ")[2].rpartition(":")[0]
    verdict = {"allow": "may", "wait": "must wait to", "refuse": "must not", "shadow": "would, but for shadow,"}
    text = f"{actor} {verdict.get(event.detail.get('verdict', ''), '?')} {what}"
    return text if event.reason == "ok" else f"{text} ({event.reason})"


def _proof(event: EventView) -> str:
    node = event.detail.get("node", "")
    if event.reason == "gang_rule":
        return f"{node} is silent, and without the others no step is possible"
    return f"{node} has stopped: {event.reason}"


def _phase(event: EventView) -> str:
    what, note = event.kind.partition("_")[0], event.message
    return f"{what} is {event.reason}" + (f": {note}" if note and " -> " not in note else "")


_TEXTS: dict[str, Callable[[EventView], str]] = {
    "attempt_placed": lambda event: f"attempt {event.attempt} is placed on {event.message}",
    "attempt_starting": lambda event: f"attempt {event.attempt} starts, {event.message}",
    "attempt_stopping": lambda event: _because(event, f"attempt {event.attempt} is being stopped"),
    "attempt_ended": lambda event: _because(event, f"attempt {event.attempt} ended"),
    "rank_failed": lambda event: f"a rank on {event.node} failed: {event.message} ({event.reason})",
    "first_step": lambda event: f"attempt {event.attempt} made its first step, {event.detail.get('step')}",
    "part_proven": _proof,
    "decision": _decision,
    "run_proposed": lambda event: f"run {event.run} of playbook {event.reason} is proposed",
    "run_phase": lambda event: f"run {event.run}: {event.message}",
    "run_approved": lambda event: f"run {event.run} is approved by {event.reason} {event.message}",
    "node_retired": lambda event: f"retired by {event.reason}: {event.message}",
    "condition_clearing": lambda event: f"{event.reason} clears {event.message}",
    "hold_added": lambda event: f"hold by {event.reason}: {event.message}",
    "hold_lifted": lambda event: f"hold of {event.reason} lifted {event.message.partition(':')[0]}",
    "node_phase": _phase,
    "job_phase": _phase,
    "checkpoint_published": lambda event: f"last published checkpoint: {event.message}",
}


def _job_summary(job: JobView) -> str:
    ended = [attempt for attempt in job.attempts if attempt.end_reason]
    text = f"{job.id} is {job.phase}" + (f": {job.message}" if job.message and job.reason else "")
    if ended and ended[-1].end_reason != "succeeded":
        because = ", ".join(filter(None, (ended[-1].end_reason, ended[-1].end_message)))
        text += f"; attempt {ended[-1].number} ended: {because}"
    return text


def _node_summary(node: NodeView) -> str:
    text = f"{node.name} is {node.phase} and {node.health}"
    if node.health_reason:
        text += f" ({node.health_reason})"
    return text + "".join(f"; held by {hold.owner}: {hold.reason}" for hold in node.holds)

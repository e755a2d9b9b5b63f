"""The whole cluster on one screen: a header, nodes and jobs with trouble on top, what happened last."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime

import msgspec
from rich.console import Group, RenderableType
from rich.text import Text

from cli.render import event, node
from cli.render.fitting import Room
from cli.render.hostlist import names
from cli.render.listing import Column, listing
from cli.render.words import BAD, DIM, GOOD, NONE, WARN, age, because, duration, number, optional, phase
from wire.api import (
    ENDED_JOB_PHASES,
    AutomationView,
    ControllerView,
    EventView,
    Health,
    JobPhase,
    JobView,
    Mode,
    NodeView,
    RunPhase,
    RunView,
)

PLAIN_EVENTS = 10
HEADER, BETWEEN = 6, 7  # lines of the header; of titles, empty lines and what says that there are more
OPEN_RUNS = (RunPhase.WAITING, RunPhase.RUNNING, RunPhase.PROPOSED)
QUIET = (JobPhase.RUNNING, JobPhase.PENDING)


class Cluster(msgspec.Struct, frozen=True):
    at: datetime  # when it was asked for
    status: ControllerView
    nodes: list[NodeView]
    jobs: list[JobView]
    runs: list[RunView]
    events: list[EventView]  # the last ones, oldest first
    rates: dict[str, float]  # steps a second by job


def top(cluster: Cluster, now: datetime, wide: bool = False) -> RenderableType:
    """All of it, however long."""
    parts = [_header(cluster, now, ""), *_nodes(cluster.nodes, now, wide, None), *_jobs(cluster, now, wide, None)]
    return Group(*parts, *_events(cluster.events[-PLAIN_EVENTS:], now))


def screen(cluster: Cluster, now: datetime, height: int, problem: str = "") -> RenderableType:
    """As much of it as fits ``height`` lines, what needs a person first."""
    room = max(6, height - HEADER - BETWEEN)
    active = sum(job.phase not in ENDED_JOB_PHASES for job in cluster.jobs)
    for_nodes = min(len(cluster.nodes), max(2, room * 2 // 5))
    for_jobs = min(active, max(1, room // 3))
    for_events = max(1, room - for_nodes - for_jobs)
    parts = [_header(cluster, now, problem), *_nodes(cluster.nodes, now, False, for_nodes)]
    return Group(*parts, *_jobs(cluster, now, False, for_jobs), *_events(cluster.events[-for_events:], now))


def _header(cluster: Cluster, now: datetime, problem: str) -> RenderableType:
    status = cluster.status
    old = (now - cluster.at).total_seconds()
    head = Text.assemble(
        ("Mainstay", "bold"),
        f" {status.version}  epoch {status.epoch}, up {age(status.started_at, now)}  ",
        (f"{cluster.at:%H:%M:%S} UTC, {duration(old)} ago", BAD if problem else DIM),
    )
    nodes = _counts((view.health for view in cluster.nodes), Health)
    held = sum(bool(view.holds) for view in cluster.nodes)
    jobs = _counts((view.phase for view in cluster.jobs), JobPhase)
    runs = _counts((view.phase for view in cluster.runs if view.phase in OPEN_RUNS), RunPhase)
    lines = [
        head,
        Text.assemble(f"nodes  {len(cluster.nodes)}  ", nodes, f", {held} held" if held else ""),
        Text.assemble(f"jobs   {len(cluster.jobs)}  ", jobs),
        Text.assemble("runs   ", runs if runs.plain else ("none under way", DIM)),
    ]
    if status.automation is not None:
        lines.append(_mode(status.automation))
    return Group(*lines, Text(problem, style=BAD, no_wrap=True, overflow="ellipsis"))


def _mode(automation: AutomationView) -> Text:
    """How far automation may go, and what waits for a person because of it."""
    told = [Text(automation.mode, style=GOOD if automation.mode is Mode.AUTO else WARN)]
    if automation.held_back:
        told.append(Text(f"{sum(automation.held_back.values())} actions only recorded"))
    if automation.waiting:
        told.append(
            Text(f"for a person to approve: {', '.join(f'run {run}' for run in automation.waiting)}", style=WARN)
        )
    line = Text.assemble("mode   ", Text(", ").join(told))
    line.no_wrap, line.overflow = True, "ellipsis"
    return line


def _counts(words: Iterable[str], order: Iterable[str]) -> Text:
    counted = Counter(words)
    return Text(", ").join(Text(f"{counted[word]} ").append_text(phase(word)) for word in order if counted[word])


def _nodes(views: Sequence[NodeView], now: datetime, wide: bool, most: int | None) -> list[RenderableType]:
    if not views:
        return [node.nodes(views, now)]
    ordered = sorted(views, key=lambda view: view.health is Health.HEALTHY and not view.holds)
    return [
        listing(ordered[:most], node.COLUMNS, now, wide, one_line=not wide),
        *_rest(ordered[most:] if most is not None else []),
    ]


def _jobs(cluster: Cluster, now: datetime, wide: bool, most: int | None) -> list[RenderableType]:
    active = [view for view in cluster.jobs if view.phase not in ENDED_JOB_PHASES]
    if not active:
        return [Text(), Text("no job under way", style=DIM)]
    ordered = sorted(active, key=lambda view: view.phase in QUIET)
    shown = listing(ordered[:most], job_columns(cluster.rates), now, wide, one_line=not wide)
    return [Text(), shown, *_rest(ordered[most:] if most is not None else [])]


def _rest(left_out: Sequence[object]) -> list[Text]:
    return [Text(f"and {len(left_out)} more", style=DIM)] if left_out else []


def _events(views: Sequence[EventView], now: datetime) -> list[RenderableType]:
    return [Text(), event.events(views, now, one_line=True)]


def _rate(rate: float | None) -> str:
    """Steps a second; below one the seconds a step takes."""
    if rate is None:
        return NONE
    return f"{rate:.1f}/s" if rate >= 1 or rate <= 0 else f"{1 / rate:.1f} s"


def job_columns(rates: dict[str, float]) -> tuple[Column[JobView], ...]:
    return (
        Column("JOB", lambda view, _: view.id, room=Room.NAME),
        Column("PHASE", lambda view, _: phase(view.phase)),
        Column("STEP", lambda view, _: optional(view.step)),
        Column("RATE", lambda view, _: _rate(rates.get(view.id))),
        Column("LOSS", lambda view, _: number(view.loss)),
        Column("ATTEMPT", lambda view, _: str(view.attempt)),
        Column("NODES", lambda view, _: names(view.nodes), room=Room.NAME),
        Column("REASON", lambda view, _: optional(because(view.reason, view.message)), room=Room.PROSE),
    )

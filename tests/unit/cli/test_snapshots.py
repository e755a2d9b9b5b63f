"""Every screen as a file in snapshots/, to be looked at. `make snapshots` writes them anew: then look again.

NAME.txt is plain text at 80 columns, NAME-wide.txt what -o wide prints, NAME-colour.txt has the colours as the
terminal gets them.
"""

import io
import os
from pathlib import Path

import pytest
from fakes import views
from fakes.views import NOW
from msgspec.structs import replace
from rich.console import Console

from cli.render import automation, event, incident, job, node, order, playbook, run, token, top, why
from cli.render.top import Cluster
from cli.terminal import PLAIN_WIDTH, UNBOUNDED
from cli.watch import footer
from wire.api import WhyView

FOLDER = Path(__file__).parent / "snapshots"
WRITE = "MAINSTAY_WRITE_SNAPSHOTS" in os.environ

CLUSTER = Cluster(
    at=views.ago(1),
    status=views.CONTROLLER,
    nodes=views.NODES,
    jobs=views.JOBS,
    runs=views.RUNS,
    events=views.EVENTS,
    rates={"bytes-lm-1": 4.25},
)
AWAY = "https://127.0.0.1:7400: connection refused; start the controller, or mend --api or MAINSTAY_API"
MANY = Cluster(
    at=views.ago(25),
    status=views.CONTROLLER,
    nodes=[*views.NODES, *views.LONG_NODES, *[views.N1] * 60],
    jobs=[*views.JOBS, views.LONG_JOB],
    runs=views.RUNS,
    events=[*views.EVENTS, views.LONG_EVENT] * 9,
    rates={},
)
SCREENS = {
    "node-list": lambda: node.nodes(views.NODES, NOW),
    "node-list-wide": lambda: node.nodes(views.NODES, NOW, True),
    "node-list-colour": lambda: node.nodes(views.NODES, NOW),
    "node-list-empty": lambda: node.nodes([], NOW),
    "node-list-long": lambda: node.nodes(views.LONG_NODES, NOW),
    "node-show": lambda: node.node(views.N2, NOW),
    "node-show-colour": lambda: node.node(views.N2, NOW),
    "node-show-long": lambda: node.node(views.LONG_NODES[0], NOW),
    "node-show-components": lambda: node.node(views.N6, NOW),
    "node-show-wide": lambda: node.node(views.N6, NOW, wide=True),
    "node-clear": lambda: order.order(views.CLEARING, NOW),
    "node-clear-done": lambda: order.order(views.CLEARED, NOW),
    "node-clear-still-so": lambda: order.order(views.STILL_SO, NOW),
    "node-clear-still-so-colour": lambda: order.order(views.STILL_SO, NOW),
    "node-clear-expired": lambda: order.order(views.NEVER_LEFT, NOW),
    "node-clear-no-answer": lambda: order.order(replace(views.CLEARING, expires_at=views.ago(40)), NOW),
    "job-list": lambda: job.jobs(views.JOBS, NOW),
    "job-list-wide": lambda: job.jobs(views.JOBS, NOW, True),
    "job-list-colour": lambda: job.jobs(views.JOBS, NOW),
    "job-list-empty": lambda: job.jobs([], NOW),
    "job-list-long": lambda: job.jobs([views.LONG_JOB, views.JOB], NOW),
    "job-show": lambda: job.job(views.JOB, NOW),
    "job-show-failed": lambda: job.job(views.FAILED, NOW),
    "job-show-long": lambda: job.job(views.LONG_JOB, NOW),
    "job-progress": lambda: job.progress(views.RECOVERING),
    "run-list": lambda: run.runs(views.RUNS, NOW),
    "run-list-wide": lambda: run.runs(views.RUNS, NOW, True),
    "run-list-empty": lambda: run.runs([], NOW),
    "run-show": lambda: run.run(views.RUN, NOW),
    "run-show-waiting": lambda: run.run(views.WAITING, NOW),
    "run-show-approved": lambda: run.run(views.APPROVED, NOW),
    "incident-list": lambda: incident.incidents(views.INCIDENTS, NOW),
    "incident-list-wide": lambda: incident.incidents(views.INCIDENTS, NOW, True),
    "incident-list-colour": lambda: incident.incidents(views.INCIDENTS, NOW),
    "incident-list-empty": lambda: incident.incidents([], NOW),
    "incident-show": lambda: incident.incident(views.ACKED, NOW),
    "incident-show-closed": lambda: incident.incident(views.CLOSED, NOW),
    "playbook-list": lambda: playbook.playbooks(views.PLAYBOOKS, NOW),
    "playbook-list-wide": lambda: playbook.playbooks(views.PLAYBOOKS, NOW, True),
    "playbook-show": lambda: playbook.playbook(views.LOST_NODE, NOW),
    "playbook-check": lambda: playbook.checks(views.CHECKS, NOW),
    "automation-auto": lambda: automation.automation(views.AUTOMATION, NOW),
    "automation-shadow": lambda: automation.automation(views.SHADOW, NOW),
    "automation-shadow-colour": lambda: automation.automation(views.SHADOW, NOW),
    "automation-approve": lambda: automation.automation(views.ASKING, NOW),
    "automation-off": lambda: automation.automation(views.OFF, NOW),
    "token-list": lambda: token.tokens(views.TOKENS, NOW),
    "event-list": lambda: event.events(views.EVENTS, NOW),
    "event-list-wide": lambda: event.events(views.EVENTS, NOW, True),
    "event-list-long": lambda: event.events([views.LONG_EVENT, *views.EVENTS], NOW),
    "event-list-follow-wide": lambda: event.lines([*views.EVENTS, views.LONG_EVENT], NOW),
    "why-node": lambda: why.why(views.WHY_NODE, NOW),
    "why-node-wide": lambda: why.why(views.WHY_NODE, NOW, True),
    "why-node-colour": lambda: why.why(views.WHY_NODE, NOW),
    "why-node-waiting": lambda: why.why(views.WHY_WAITING, NOW),
    "why-job": lambda: why.why(views.WHY_JOB, NOW),
    "why-nothing": lambda: why.why(WhyView("node:n1", "n1 is ready and healthy", []), NOW),
    "top": lambda: top.screen(CLUSTER, NOW, 40),
    "top-colour": lambda: top.screen(CLUSTER, NOW, 40),
    "top-many-24-lines": lambda: top.screen(MANY, NOW, 24, AWAY),
    "top-once": lambda: top.top(CLUSTER, NOW),
    "top-empty": lambda: top.screen(Cluster(NOW, views.CONTROLLER, [], [], [], [], {}), NOW, 24),
    "watch-footer": lambda: footer(views.ago(1), NOW, 2.0, None),
    "watch-footer-away": lambda: footer(views.ago(25), NOW, 2.0, AWAY),
}


def printed(name):
    file, colour, wide = io.StringIO(), name.endswith("-colour"), name.endswith("-wide")
    system = "standard" if colour else None
    width = UNBOUNDED if wide else PLAIN_WIDTH
    console = Console(
        file=file, width=width, highlight=False, markup=False, emoji=False, force_terminal=colour, color_system=system
    )
    console.print(SCREENS[name]())
    return "\n".join(line.rstrip() for line in file.getvalue().splitlines()) + "\n"


@pytest.mark.parametrize("name", SCREENS)
def test_screen(name):
    file = FOLDER / f"{name}.txt"
    if WRITE:
        file.write_text(printed(name))
    assert printed(name) == file.read_text(), f"if {name} is meant to look so: make snapshots, and look at it"


@pytest.mark.parametrize("name", [name for name in SCREENS if not name.endswith(("-wide", "-colour"))])
def test_no_line_is_wider_than_80_columns(name):
    assert max(map(len, printed(name).splitlines())) <= PLAIN_WIDTH


def test_a_screen_that_is_gone_leaves_no_file():
    assert {file.stem for file in FOLDER.glob("*.txt")} == set(SCREENS)


def test_top_fits_its_terminal():
    for name, height in (("top", 40), ("top-many-24-lines", 24), ("top-empty", 24)):
        assert len(printed(name).splitlines()) <= height


def test_colours_are_ones_that_every_ground_shows():
    """No white, black or bright one: 31-36 of the first eight, bold, dim and plain."""
    used = {code for name in SCREENS if name.endswith("-colour") for code in printed(name).split("\x1b[")[1:]}
    codes = {part for each in used for part in each.partition("m")[0].split(";")}
    assert codes <= {"0", "1", "2", "31", "32", "33", "35", "36"}

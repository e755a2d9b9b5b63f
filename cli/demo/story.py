"""Tells what happens while it happens: one line each, with the seconds since the fault."""

import sys
from datetime import UTC, datetime

import msgspec
from rich.console import Console, RenderableType
from rich.text import Text

from cli.client import Client
from cli.render.words import BAD, BUSY, DIM, GOOD, WARN
from wire.api import EventView, NodePhase

STYLES = {
    "fault": f"bold {BAD}",
    "noticed": WARN,
    "decided": BUSY,
    "stopped": WARN,
    "relaunched": BUSY,
    "restarted": BUSY,
    "back": BUSY,
    "first step": f"bold {GOOD}",
    "rejoined": f"bold {GOOD}",
    "lost": "bold",
}
WORD_WIDTH = max(map(len, STYLES))
STOPPED_BY = {
    "reported_ended": "no process of it is left",
    "never_launched": "was never launched",
    "rebooted": "has booted since",
    "gang_rule": "silent, and without the others no step is possible",
}


class Line(msgspec.Struct, frozen=True):
    word: str
    text: str


class Subject(msgspec.Struct, frozen=True):
    """Whom a story is about."""

    node: str
    job: str
    attempt: int  # that ran when the fault came


class Story:
    """Prints; between faults it counts from its own beginning."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._zero = datetime.now(UTC)
        self._after = 0
        self.heard: list[EventView] = []  # since the present subject was chosen
        self._subject: Subject | None = None
        self._told: set[Line] = set()

    def heading(self, text: str) -> None:
        self._console.print()
        self._console.print(Text(text, style="bold"))

    def plain(self, text: str) -> None:
        self._console.print(Text(text), soft_wrap=True)

    def show(self, what: RenderableType) -> None:
        self._console.print(what)

    def begin(self, subject: Subject, at: datetime) -> None:
        """From here on times count from ``at`` and events about ``subject`` are told."""
        self._zero, self._subject, self.heard, self._told = at, subject, [], set()

    def say(self, word: str, text: str, at: datetime | None = None) -> None:
        seconds = ((at or datetime.now(UTC)) - self._zero).total_seconds()
        head = f"{max(0.0, seconds):7.1f}s  "
        style = STYLES.get(word, "")
        line = Text.assemble((head, DIM), (word.ljust(WORD_WIDTH), style), "  ", text)
        self._console.print(line, soft_wrap=True)

    def skip_to_now(self, client: Client) -> None:
        """What happened so far is nobody's story."""
        while events := client.events(self._after):
            self._after = events[-1].id

    def follow(self, client: Client) -> None:
        """Tell what is new; what repeats itself, once."""
        for event in client.events(self._after):
            self._after = event.id
            if self._subject is None:
                continue
            self.heard.append(event)
            line = tell(event, self._subject)
            if line is not None and line not in self._told:
                self._told.add(line)
                self.say(line.word, line.text, event.at)


def tell(event: EventView, subject: Subject) -> Line | None:
    """What is worth a line of an event; None for the rest."""
    if event.job == subject.job:
        return _of_job(event, subject) or _of_decision(event)
    if event.node == subject.node:
        return _of_node(event) or _of_decision(event)
    return None


def _of_job(event: EventView, subject: Subject) -> Line | None:
    old = event.attempt == subject.attempt
    if event.kind == "rank_failed" and old:
        return Line("noticed", f"a worker on {event.node} failed: {event.message}")
    if event.kind == "part_ended" and old:
        return Line("stopped", f"{event.node}: no process of attempt {event.attempt} is left ({event.reason})")
    if event.kind == "part_proven" and old:
        node = event.detail.get("node", event.message)
        return Line("stopped", f"{node}: {STOPPED_BY.get(event.reason, event.reason)}")
    if event.kind == "attempt_ended" and old:
        return Line("stopped", f"attempt {event.attempt} is over: {event.message or event.reason}")
    if event.kind == "attempt_placed":
        return Line("relaunched", f"attempt {event.attempt} on {event.message}")
    return None


def _of_node(event: EventView) -> Line | None:
    if event.kind == "node_contact":
        return Line("back" if event.reason == "in_contact" else "noticed", event.message)
    if event.kind == "node_phase":
        word = "stopped" if event.reason in (NodePhase.DRAINING, NodePhase.DRAINED) else "back"
        return Line(word, f"{event.node} is {event.reason}")
    if event.kind == "hold_lifted":
        return Line("back", f"{event.node}: hold of {event.reason} lifted")
    return None


def _of_decision(event: EventView) -> Line | None:
    if event.kind == "run_proposed":
        return Line("decided", f"run {event.run}: {event.message}")
    if event.kind == "decision":
        by_rule = "" if event.reason in ("", "ok") else f" ({event.reason})"
        what = event.message.partition(" ")[2]  # the actor is told with the run
        return Line("decided", f"{what}{by_rule}")
    return None


def console() -> Console:
    return Console(file=sys.stdout, highlight=False, markup=False, emoji=False)

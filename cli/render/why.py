"""Why: to be read at 03:00. First what broke, what was done about it and how that went; then the chain."""

from collections.abc import Sequence
from datetime import datetime

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from cli.render.fitting import Room
from cli.render.listing import Column, listing
from cli.render.words import BAD, BUSY, DIM, GOOD, WARN, age, clock, facts
from wire.api import ENDED_JOB_PHASES, JobPhase, RunPhase, WhyLink, WhyView

STAGES = {
    "sense": BAD,
    "judge": BAD,
    "report": DIM,
    "record": DIM,
    "detect": WARN,
    "decide": BUSY,
    "act": "bold",
    "verify": GOOD,
    "account": GOOD,
}
OVER: dict[str, set[str]] = {
    "run_phase": {RunPhase.SUCCEEDED, RunPhase.FAILED, RunPhase.ABANDONED, RunPhase.SHADOW},
    "job_phase": {JobPhase.RUNNING, *ENDED_JOB_PHASES},
}
ROUTINE = frozenset({"part_starting", "part_running", "part_stopping"})  # an attempt's own events say the same
ONLY_WHEN_FAILED = frozenset({"outcome", "step_phase"})
GOOD_NEWS = frozenset({"node_returned"})


def why(view: WhyView, now: datetime, wide: bool = False) -> RenderableType:
    head = Text(view.summary, style="bold")
    if not view.chain:
        return Group(head, Text("nothing has happened to it", style=DIM))
    kept = [link for link in view.chain if wide or not _routine(link)]
    parts: list[RenderableType] = [head, Text()]
    if (digest := _digest(view.chain, now)) is not None:
        parts += [digest, Text()]
    parts.append(listing(kept, LINKS, now))
    if len(kept) < len(view.chain):
        left = len(view.chain) - len(kept)
        parts.append(Text(f"{left} routine link{'s' if left > 1 else ''} left out; -o wide has all", style=DIM))
    return Group(*parts)


def _digest(chain: Sequence[WhyLink], now: datetime) -> Table | None:
    """About the last trouble of all that was detected; None if there was none."""
    troubles = [at for at, link in enumerate(chain) if link.stage == "detect" and link.kind not in GOOD_NEWS]
    if not troubles:
        return None
    broke = chain[troubles[-1]]
    episode = _episode(chain[troubles[-1] + 1 :])
    rows = {
        "what broke": f"{clock(broke.at, now)}, {age(broke.at, now)} ago: {broke.text}",
        "what was done": _decided([link.text for link in episode if link.kind == "decision"]),
        "how it went": _outcome(episode, broke.at),
    }
    return facts(rows)


def _episode(after: Sequence[WhyLink]) -> Sequence[WhyLink]:
    """As far as it is about that trouble: to where that was over, or to what was detected next."""
    over = (at for at, link in enumerate(after) if _is_over(link) or link.stage == "detect")
    return after[: next(over, len(after)) + 1]


def _is_over(link: WhyLink) -> bool:
    return link.reason in OVER.get(link.kind, set())


def _decided(texts: Sequence[str]) -> str:
    """What was allowed, by who asked for it; what was not in the words of the decision."""
    allowed: dict[str, list[str]] = {}
    for text in texts:
        actor, may, what = text.partition(" may ")
        allowed.setdefault(actor if may else "", []).append(what if may else text)
    lines = [f"{actor}: {', '.join(done)}" if actor else "\n".join(done) for actor, done in allowed.items()]
    return "\n".join(lines) or "nothing so far"


def _outcome(episode: Sequence[WhyLink], since: datetime) -> str:
    if not episode or not _is_over(episode[-1]):
        return "not over yet"
    return f"{episode[-1].text}, {age(since, episode[-1].at)} after it broke"


def _routine(link: WhyLink) -> bool:
    return link.kind in ROUTINE or (link.kind in ONLY_WHEN_FAILED and ": done" in link.text)


LINKS: tuple[Column[WhyLink], ...] = (
    Column("UTC", lambda link, now: Text(clock(link.at, now), style=DIM)),
    Column("AGO", lambda link, now: age(link.at, now)),
    Column("STAGE", lambda link, _: Text(link.stage, style=STAGES.get(link.stage, ""))),
    Column("WHAT", lambda link, _: link.text, room=Room.TEXT),
)

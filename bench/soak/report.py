"""What was found: tables for people, one line of JSON for programs."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

import msgspec
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from bench.soak import recovery
from bench.soak.growth import FLAT_MIB
from bench.soak.outcome import Outcome
from bench.soak.recovery import Figures
from bench.soak.violation import Violation
from bench.soak.watch import ROLES
from cli.render.words import BAD, DIM, GOOD

ROUND_ABOUT_S = 15.0
SHOWN = 20  # violations with their time line
Moment = tuple[float, str]


class Result(msgspec.Struct, frozen=True):
    """The line of JSON. ``rss_growth_mib``: of the daemon's role that grows faster, in ten minutes after the warm-up;
    0 when it is flat, null when none lived long enough to tell."""

    seed: int
    minutes: float
    faults: int
    recoveries: int
    steps: int
    lost_steps: int
    leaked_processes: int
    leaked_fds: int
    rss_growth_mib: float | None
    wrong: int

    @property
    def clean(self) -> bool:
        return not (self.wrong or self.leaked_processes or self.leaked_fds or self.rss_growth_mib)


def result(outcome: Outcome, seed: int, minutes: float) -> Result:
    effects, back, lives = outcome.effects, outcome.back, outcome.lives
    slopes = [slope for role in ROLES if (slope := outcome.growth_mib(role)) is not None]
    return Result(
        seed=seed,
        minutes=minutes,
        faults=len(outcome.strikes),
        recoveries=sum(recovery.recovered(strike, effects, back) for strike in outcome.strikes),
        steps=sum(each[-1].steps[-1] for each in lives.values()),
        lost_steps=recovery.lost_steps(lives),
        leaked_processes=len(outcome.left),
        leaked_fds=sum(held.total() for held in outcome.fds.values()),
        rss_growth_mib=_flat(max(slopes)) if slopes else None,
        wrong=len(outcome.violations),
    )


def render(outcome: Outcome) -> RenderableType:
    figures = recovery.figures(outcome.strikes, outcome.effects, outcome.back)
    return Group(Text(), _faults(figures), Text(), *_memory(outcome), *_leaks(outcome))


def render_violations(found: Sequence[Violation], journal: Sequence[Sequence[Moment]]) -> RenderableType:
    """``journal``: for each violation what happened around it, shown for the first of each claim."""
    parts: list[RenderableType] = []
    told_of: set[str] = set()
    for violation, moments in zip(found[:SHOWN], journal, strict=False):
        parts += [Text(), Text(f"WRONG  {violation}", style=f"bold {BAD}")]
        if violation.claim not in told_of:
            parts += [Text(f"  {clock(at)}  {told}", style=DIM) for at, told in moments]
        told_of.add(violation.claim)
    if len(found) > SHOWN:
        parts.append(Text(f"and {len(found) - SHOWN} more"))
    return Group(*parts)


def clock(at: float) -> str:
    """UTC, as the journal and the controller's log have it."""
    return datetime.fromtimestamp(at, UTC).strftime("%H:%M:%S")


def _flat(mib: float) -> float:
    return 0.0 if mib <= FLAT_MIB else round(mib, 2)


def _faults(figures: Sequence[Figures]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("FAULT")
    for name in ("COUNT", "RECOVERED", "MEDIAN", "WORST", "STEPS LOST"):
        table.add_column(name, justify="right")
    for each in figures:
        style = GOOD if each.recovered == each.count else f"bold {BAD}"
        recovered = Text(str(each.recovered), style=style)
        numbers = _seconds(each.median_s), _seconds(each.worst_s), str(each.lost_steps)
        table.add_row(each.kind, str(each.count), recovered, *numbers)
    return table


def _memory(outcome: Outcome) -> Iterator[Text]:
    for role in ROLES:
        slope = outcome.growth_mib(role)
        told = "lived too short to tell" if slope is None else f"{slope:+.2f} MiB in ten minutes"
        yield Text(f"memory of the {role}: {told}")


def _leaks(outcome: Outcome) -> Iterator[Text]:
    for name, held in outcome.fds.items():
        yield Text(f"descriptors of {name}: " + ", ".join(f"{n} more {what}" for what, n in held.items()), style=BAD)
    for left in outcome.left:
        yield Text(f"process left: {left}", style=BAD)


def _seconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f} s"

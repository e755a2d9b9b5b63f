"""What the demo showed: a table for people, one line of JSON for programs."""

from collections.abc import Mapping, Sequence

import msgspec
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from cli.demo.checks import Claim
from cli.demo.faults import FaultKind
from cli.render.words import BAD, DIM, GOOD


class Result(msgspec.Struct, frozen=True):
    """Of one fault. Times are seconds from the kill; ``lost_steps`` were done and had to be done again."""

    resumed: bool
    rejoined: bool
    world_after: int
    time_to_notice_s: float
    time_to_resume_s: float
    lost_steps: int
    cold_torchrun_start_s: float


class Chapter(msgspec.Struct, frozen=True):
    result: Result
    claims: list[Claim]

    @property
    def holds(self) -> bool:
        return self.result.resumed and self.result.rejoined and all(claim.holds for claim in self.claims)


def to_json(chapters: Mapping[FaultKind, Chapter]) -> str:
    faults = {str(kind): chapter.result for kind, chapter in chapters.items()}
    return msgspec.json.encode({"faults": faults}).decode()


def render(chapters: Mapping[FaultKind, Chapter]) -> RenderableType:
    parts: list[RenderableType] = []
    for kind, chapter in chapters.items():
        parts += [Text(), Text(kind, style="bold"), _claims(chapter.claims)]
    return Group(*parts, Text(), _figures({kind: chapter.result for kind, chapter in chapters.items()}))


def _claims(claims: Sequence[Claim]) -> Table:
    table = Table.grid(padding=(0, 1))
    for _ in range(2):
        table.add_column(no_wrap=True)
    table.add_column(overflow="fold", style=DIM)
    for claim in claims:
        mark = Text("  ✓", style=GOOD) if claim.holds else Text("  ✗", style=f"bold {BAD}")
        table.add_row(mark, claim.text, claim.seen)
    return table


def _figures(results: Mapping[FaultKind, Result]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("")
    for kind in results:
        table.add_column(kind, justify="right")
    for name, values in _rows(list(results.values())):
        table.add_row(name, *values)
    return table


def _rows(results: Sequence[Result]) -> list[tuple[str, list[str]]]:
    return [
        ("resumed at the same world size", [_yes(result.resumed) for result in results]),
        ("node rejoined as a spare", [_yes(result.rejoined) for result in results]),
        ("workers afterwards", [str(result.world_after) for result in results]),
        ("noticed after", [f"{result.time_to_notice_s:.1f} s" for result in results]),
        ("training again after", [f"{result.time_to_resume_s:.1f} s" for result in results]),
        ("a cold start by torchrun took", [f"{result.cold_torchrun_start_s:.1f} s" for result in results]),
        ("steps done again", [str(result.lost_steps) for result in results]),
    ]


def _yes(value: bool) -> str:
    return "yes" if value else "NO"

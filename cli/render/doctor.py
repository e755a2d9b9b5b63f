"""What `mainstay doctor` found: one line each, the mend below it."""

from collections.abc import Sequence
from itertools import groupby

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from cli.doctor.finding import Finding, Verdict
from cli.render.words import BAD, DIM, DOUBT, GOOD, WARN

STYLES = {Verdict.OK: GOOD, Verdict.WARN: WARN, Verdict.FAIL: f"bold {BAD}", Verdict.UNSEEN: DOUBT}
WORD_WIDTH = max(map(len, Verdict))


def findings(found: Sequence[Finding]) -> RenderableType:
    width = max(len(each.what) for each in found)
    parts: list[RenderableType] = []
    for subject, group in groupby(found, lambda each: each.subject):
        parts += [Text(subject, style="bold"), _table(list(group), width)]
    return Group(*parts, Text(), _sum(found))


def _table(found: Sequence[Finding], width: int) -> Table:
    made = Table.grid(padding=(0, 2, 0, 0))
    made.add_column(no_wrap=True, width=WORD_WIDTH + 2)
    made.add_column(no_wrap=True, width=width)
    made.add_column(overflow="fold")
    for each in found:
        said = Text(each.message)
        if each.mend:
            said.append(f"\n-> {each.mend}", style=DIM)
        made.add_row(Text(f"  {each.verdict}", style=STYLES[each.verdict]), each.what, said)
    return made


def _sum(found: Sequence[Finding]) -> Text:
    counts = {verdict: sum(each.verdict is verdict for each in found) for verdict in Verdict}
    words = [f"{count} {verdict}" for verdict, count in counts.items() if count]
    worst = Verdict.FAIL if counts[Verdict.FAIL] else Verdict.WARN if counts[Verdict.WARN] else Verdict.OK
    return Text(", ".join(words), style=STYLES[worst])

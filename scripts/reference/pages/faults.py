"""The table of faults: every row, by the condition that it makes."""

from collections.abc import Iterable, Iterator

from agent.checks import Clears
from agent.faults import table as faults
from agent.faults.rows import ACTIONS, Burst, Repeat, Row
from scripts.reference.markdown import code, heading, paragraphs, prose, table
from scripts.reference.structs import about, fields

PATH = "reference/faults.md"
INTRODUCTION = """
What the kernel and drivers tell ([faults](../faults.md)), and what is made of it. `faults` in
[the agent's configuration](agent-config.md) names a file that changes rows of it; Mainstay's own are in
`agent/faults/xid.toml` and `agent/faults/rules.toml`. Where no number is public, counts, windows and holds are our own
judgement.
"""
NONE = "No condition"
NONE_ABOUT = "These are told and kept as events: what holds now is another condition's to say, or the node is well."
DAY_S, HOUR_S, MINUTE_S = 86_400, 3600, 60


def render() -> list[str]:
    rows = list(faults.own().rows.values())
    lines = [*heading(1, "The table of faults"), *paragraphs(INTRODUCTION), *_row_fields(), *_words()]
    for type_ in sorted(faults.own().types()):
        lines += [*heading(2, type_), *_table(row for row in rows if row.condition == type_)]
    return [*lines, *heading(2, NONE), *paragraphs(NONE_ABOUT), *_table(row for row in rows if not row.condition)]


def _row_fields() -> list[str]:
    lines = [*heading(2, "A row"), *about(Row), *fields(Row)]
    for struct in (Burst, Repeat):
        lines += [*heading(3, struct.__name__), *about(struct), *fields(struct)]
    return lines


def _words() -> list[str]:
    words = [(code(word), line) for word, line in ACTIONS.items()]
    return [*heading(2, "Actions"), *table(("word", "is said as"), words)]


def _table(rows: Iterable[Row]) -> list[str]:
    header = ("fault", "means", "severity", "when", "ends", "do", "source")
    return table(header, [_cells(row) for row in rows])


def _cells(row: Row) -> tuple[str, ...]:
    ends = _ends(row) if row.condition else ""
    when = "; ".join(_when(row)) if row.condition else ""
    meaning = " ".join(filter(None, [row.meaning, row.view and f"*View*: {row.view}"]))
    return _name(row), prose(meaning), row.severity, when, ends, _action(row.action), _source(row.source)


def _name(row: Row) -> str:
    number = f"{row.kind} {row.code}" if row.code else row.kind
    return " ".join(filter(None, [code(number), row.name]))


def _when(row: Row) -> Iterator[str]:
    yield "at once" if row.burst.count == 1 else _many(row.burst.count, row.burst.within_s)
    if row.repeat:
        yield f"{row.repeat.severity} {_many(row.repeat.count, row.repeat.within_s)}: {_action(row.repeat.action)}"


def _action(action: str) -> str:
    return code(action) if action in ACTIONS else prose(action)


def _many(count: int, within_s: float) -> str:
    return f"{count} within {_time(within_s)}"


def _ends(row: Row) -> str:
    return f"{_time(row.hold_s)} after the last" if row.clears is Clears.FACT else f"{row.clears}"


def _time(seconds: float) -> str:
    for size, unit in ((DAY_S, "d"), (HOUR_S, "h"), (MINUTE_S, "min")):
        if seconds >= size and seconds % size == 0:
            return f"{seconds // size:g} {unit}"
    return f"{seconds:g} s"


def _source(source: str) -> str:
    return f"[source]({source})" if source.startswith("https://") else source

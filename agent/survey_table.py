"""What a survey found, for a person who was paged: the worst first, what is well in one line."""

import os
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import TextIO

from agent.survey import Judgement
from wire.conditions import Severity, Status

WIDTH = 80
INDENT = " " * 10
RED, YELLOW, MAGENTA, GREEN, BOLD, DIM = "31", "33", "35", "32", "1", "2"
_COLOURS = {"CRITICAL": RED, "WARNING": YELLOW, "INFO": YELLOW, "UNKNOWN": MAGENTA, "WELL": GREEN}


class Paint:
    """Colours what it is told to, or nothing."""

    def __init__(self, coloured: bool) -> None:
        self._coloured = coloured

    def __call__(self, text: str, *codes: str) -> str:
        return f"\x1b[{';'.join(codes)}m{text}\x1b[0m" if self._coloured else text


def coloured(stream: TextIO, environment: Mapping[str, str]) -> bool:
    """On a terminal, unless its user wants none (no-color.org)."""
    return stream.isatty() and not environment.get("NO_COLOR") and environment.get("TERM") != "dumb"


def width_of(stream: TextIO) -> int:
    """Of a terminal, as far as lines stay readable."""
    try:
        columns = os.get_terminal_size(stream.fileno()).columns or WIDTH  # a serial line may not know it
        return max(40, min(columns, 120))
    except OSError:
        return WIDTH


def as_table(
    node: str, judgements: Sequence[Judgement], everything: bool, paint: Paint, width: int = WIDTH
) -> Iterator[str]:
    """Lines. ``everything``: each check that is well has one of its own."""
    loud = [each for each in judgements if each.status is not Status.FALSE]
    well = [each for each in judgements if each.status is Status.FALSE]
    yield f"{paint(node, BOLD)}: {_summary(judgements)}"
    for alike in _together(loud):
        yield ""
        yield from _loud(alike, paint, width)
    if everything and well:
        column = max(len(each.type) for each in well)
        yield ""
        yield from (_well(each, column, paint, width) for each in well)
    elif well:
        yield ""
        yield f"{_label('WELL', paint)}{_number(len(well), 'check')}; -v shows them"


def printable(text: str) -> str:
    """On one line, without what a terminal would obey: much of it comes from devices and commands."""
    return " ".join("".join(each if each.isprintable() else " " for each in text).split())


def _together(loud: Sequence[Judgement]) -> Iterator[list[Judgement]]:
    """In their order; those of which the same is said, of a sensor that does not answer, are told at once."""
    groups: dict[tuple[str, ...], list[Judgement]] = {}
    for each in loud:
        groups.setdefault((each.status, each.severity, each.reason, each.message, each.suggested_action), []).append(
            each
        )
    yield from groups.values()


def _loud(alike: Sequence[Judgement], paint: Paint, width: int) -> Iterator[str]:
    each = alike[0]
    first, *more = _folded(", ".join(judgement.type for judgement in alike), width)
    yield f"{_label(_word(each), paint)}{paint(first.strip(), BOLD)}"
    yield from (paint(line, BOLD) for line in more)
    yield from _folded(printable(f"{each.reason}: {each.message}"), width)
    if unnamed := [name for name in each.components if name not in each.message]:
        yield from _folded(f"also: {printable(', '.join(unnamed))}", width)
    if each.suggested_action:
        yield from _folded(f"-> {printable(each.suggested_action)}", width, hanging="   ")


def _well(each: Judgement, column: int, paint: Paint, width: int) -> str:
    room = max(width - len(INDENT) - column - 2, 8)
    text = textwrap.shorten(printable(each.message), room, placeholder="…")
    return f"{_label('WELL', paint)}{each.type.ljust(column)}  {text}".rstrip()


def _label(word: str, paint: Paint) -> str:
    return paint(word, _COLOURS[word], BOLD) + " " * (len(INDENT) - len(word))


def _word(each: Judgement) -> str:
    return "UNKNOWN" if each.status is Status.UNKNOWN else each.severity.upper()


def _folded(text: str, width: int, hanging: str = "") -> list[str]:
    return textwrap.wrap(text, width, initial_indent=INDENT, subsequent_indent=INDENT + hanging)


def _summary(judgements: Sequence[Judgement]) -> str:
    faults = [each.severity for each in judgements if each.status is Status.TRUE]
    unknown = sum(each.status is Status.UNKNOWN for each in judgements)
    well = sum(each.status is Status.FALSE for each in judgements)
    critical, others = faults.count(Severity.CRITICAL), sum(each is not Severity.CRITICAL for each in faults)
    told = [_number(critical, "critical fault"), _number(others, "warning"), f"{unknown} unknown", f"{well} well"]
    return ", ".join(text for text in told if not text.startswith("0 ")) or "nothing to judge"


def _number(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"

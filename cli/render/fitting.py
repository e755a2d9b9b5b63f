"""Cells fitted to the room there is: texts are cut at their end, names fold where they have joints."""

import re
from collections.abc import Sequence
from enum import Enum

from rich.text import Text

MORE = "…"
_PIECE = re.compile(r"[^-._,/:=@]*[-._,/:=@]?")  # a name comes apart after these


class Room(Enum):
    """What a column does where the room is short."""

    WORD = "stays as it is"
    NAME = "folds"
    PROSE = "is cut"
    TEXT = "folds, before names do"


# What gives room, in this order, and how narrow it becomes by that
GIVING = ((Room.PROSE, 24), (Room.TEXT, 20), (Room.NAME, 16), (Room.PROSE, 14), (Room.NAME, 8), (Room.PROSE, 10))


def widths(natural: Sequence[int], least: Sequence[int], excess: int) -> list[int]:
    """Widths that take ``excess`` less room, as far as ``least`` lets them; the widest give first."""
    given = list(natural)
    while excess > 0:
        able = [at for at, width in enumerate(given) if width > least[at]]
        if not able:
            break
        given[max(able, key=lambda at: given[at])] -= 1
        excess -= 1
    return given


def cut(text: Text, width: int) -> Text:
    """Its beginning, and that there is more."""
    if text.cell_len <= width:
        return text
    fitted = text.copy()
    fitted.truncate(width, overflow="ellipsis")
    return fitted


def shortened(text: Text, width: int) -> Text:
    """Its beginning and its end: both tell names apart."""
    if text.cell_len <= width or width < 4:
        return text
    tail = (width - 1) // 2
    return Text(text.plain[: width - 1 - tail] + MORE + text.plain[-tail:], style=text.style)


def folded(text: Text, width: int) -> Text:
    """All of it, on as many lines as that takes; words that fit a line stay in one piece."""
    if text.cell_len <= width:
        return text
    lines = [""]
    for word in text.plain.split(" "):
        if len(lines[-1]) + len(word) > width and lines[-1]:
            lines.append("")
        for piece in [word] if len(word) <= width else _pieces(word, width):
            if len(lines[-1]) + len(piece) > width:
                lines.append("")
            lines[-1] += piece
        lines[-1] += " "
    return Text("\n".join(line.strip() for line in lines), style=text.style)


def _pieces(word: str, width: int) -> list[str]:
    found = [piece for piece in _PIECE.findall(word) if piece]
    return [piece[at : at + width] for piece in found for at in range(0, len(piece), width)]

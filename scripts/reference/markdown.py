"""Markdown as lines of text."""

import re
from collections.abc import Iterable, Sequence

NOTICE = "<!-- Made from the code by `make docs`: change it there. -->"


def heading(level: int, text: str) -> list[str]:
    return ["#" * level + f" {text}", ""]


def paragraphs(text: str) -> list[str]:
    """A docstring's text: its paragraphs, each on one line, with Markdown's backquotes."""
    return [line for each in re.split(r"\n\s*\n", text.strip()) if each for line in (prose(each), "")]


def prose(text: str) -> str:
    """On one line, with Markdown's backquotes. What stands in angle brackets is no HTML."""
    single = re.sub(r":\w+:`([^`]*)`", r"`\1`", " ".join(text.split()).replace("``", "`"))
    return re.sub(r"<(?=[A-Za-z/])(?=[^`]*(?:`[^`]*`[^`]*)*$)", r"\\<", single)


def code(text: str) -> str:
    return f"`{text}`" if text else ""


def fence(language: str, lines: Iterable[str]) -> list[str]:
    return [f"```{language}", *lines, "```", ""]


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Nothing when there are no rows; a column that is empty throughout is left out."""
    cells = [[_cell(text) for text in row] for row in rows]
    kept = [column for column in range(len(header)) if any(row[column] for row in cells)]
    if not kept:
        return []
    lines = [[header[column] for column in kept], ["---"] * len(kept), *([row[c] for c in kept] for row in cells)]
    return [*("| " + " | ".join(line) + " |" for line in lines), ""]


def anchor(title: str) -> str:
    """Where a heading of this text is found on its page."""
    return "#" + re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")

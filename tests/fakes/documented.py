"""The commands that documents show, as data: what to type, where, and what is seen then.

A block of the language ``console`` shows a terminal: lines that begin with "$ " (or "# ", root's) are typed, the others
are what is seen. What follows the language says where it is run, and how it ends:

    ```console                   on the cluster of tests/behaviour/test_documented_tour.py
    ```console endless           there; goes on until Ctrl-C
    ```console exit=4            there; ends with that exit status
    ```console clone             in a clone of this repository: make targets, which are tests of their own
    ```console machine=n1        by root on that machine, with real systemd: tests/machines/test_documented_install.py
    ```console machine=n1 done   what the image of these machines has done already

What is seen is compared by its shape: numbers stand for any number, "..." for anything, and a line of it alone for any
lines. A block that shows only commands asks no more than that they succeed.

A block ```toml file=NAME is a file of that name in the directory where the document's commands run.
"""

import os
import re
from collections.abc import Iterator, Sequence
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
FENCE = re.compile(r"^(?P<indent> *)```(?P<info>[^\n`]*)\n(?P<body>.*?)^(?P=indent)```$", re.MULTILINE | re.DOTALL)
PROMPT = re.compile(r"^[$#] ")
ANY = "..."


class Place(StrEnum):
    CLUSTER = "cluster"
    CLONE = "clone"
    MACHINE = "machine"


class Block(NamedTuple):
    """A fenced block. ``tags`` are what follows its language: a word alone has the value ""."""

    document: Path
    line: int
    language: str
    tags: dict[str, str]
    text: str

    def __str__(self) -> str:
        return f"{os.path.relpath(self.document, ROOT)}:{self.line}"


class Command(NamedTuple):
    """``line`` is one for a shell; ``seen`` what the document shows of its output, without comment if empty."""

    block: Block
    line: str
    seen: list[str]

    @property
    def place(self) -> Place:
        named = [place for place in Place if place in self.block.tags]
        return named[0] if named else Place.CLUSTER

    @property
    def machine(self) -> str:
        return self.block.tags.get(Place.MACHINE, "")

    @property
    def endless(self) -> bool:
        return "endless" in self.block.tags

    @property
    def done(self) -> bool:
        return "done" in self.block.tags

    @property
    def exit_status(self) -> int:
        return int(self.block.tags.get("exit", "0"))

    def __str__(self) -> str:
        return f"{self.block}: {self.line}"


def blocks(document: Path) -> Iterator[Block]:
    text = document.read_text()
    for found in FENCE.finditer(text):
        language, *tags = found["info"].split() or [""]
        body = re.sub(rf"^{found['indent']}", "", found["body"], flags=re.MULTILINE)
        number = text.count("\n", 0, found.start()) + 1
        yield Block(document, number, language, dict(tag.partition("=")[::2] for tag in tags), body)


def commands(document: Path) -> list[Command]:
    return [command for block in blocks(document) if block.language == "console" for command in _commands(block)]


def files(document: Path) -> dict[str, str]:
    return {block.tags["file"]: block.text for block in blocks(document) if "file" in block.tags}


def _commands(block: Block) -> Iterator[Command]:
    """A line that ends with a backslash goes on in the next."""
    lines = iter(block.text.splitlines())
    current: Command | None = None
    for line in lines:
        if PROMPT.match(line):
            if current is not None:
                yield current
            typed = line[2:]
            while typed.endswith("\\"):
                typed = typed[:-1] + next(lines).removeprefix("> ").strip()
            current = Command(block, typed, [])
        elif current is None:
            raise AssertionError(f"{block}: begins with what is no command: {line!r}")
        else:
            current.seen.append(line)
    if current is not None:
        yield current


def difference(shown: Sequence[str], seen: Sequence[str]) -> str | None:
    """None when what was seen has the shape of what the document shows; else the first line that has not."""
    if not any(line.strip() for line in shown):
        return None
    left = [line.rstrip() for line in seen if line.strip()]
    loose = False
    for line in (line for line in shown if line.strip()):
        if line.strip() == ANY:
            loose = True
            continue
        at = next((i for i, found in enumerate(left) if shape(line).fullmatch(found)), None)
        if at is None or (at > 0 and not loose):
            return f"shown {line!r}, seen {left[0] if left else 'no more'!r}"
        left, loose = left[at + 1 :], False
    return None if loose or not left else f"not shown: {left[0]!r}"


def shape(line: str) -> re.Pattern[str]:
    """Of a line as a document shows it."""
    parts = re.split(r"(\.\.\.|\d+|\s+)", line.strip())
    return re.compile(r"\s*" + "".join(map(_shape_of, parts)))


def _shape_of(part: str) -> str:
    if part == ANY:
        return ".*"
    if part.isdigit():
        return r"\d+"
    return r"\s+" if part.isspace() else re.escape(part)

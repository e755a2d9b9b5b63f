"""Names of many nodes in little room, as Slurm writes them: ``gpu[01-16,18]``."""

import re
from collections.abc import Sequence

from cli.render.words import NONE

FEW = 3
_LAST_NUMBER = re.compile(r"^(?P<stem>.*?)(?P<number>\d+)(?P<rest>\D*)$")


def names(nodes: Sequence[str]) -> str:
    """A few in full, more of them folded."""
    return ", ".join(nodes if len(nodes) <= FEW else folded(nodes)) or NONE


def folded(nodes: Sequence[str]) -> list[str]:
    """Names that differ in their last number only become one: n1, n2, n3, x are ``n[1-3]``, ``x``."""
    groups: dict[tuple[str, str], list[str]] = {}
    for node in nodes:
        match = _LAST_NUMBER.match(node)
        stem, number, rest = match.groups() if match else (node, "", "")
        groups.setdefault((stem, rest), []).append(number)
    return [f"{stem}{_bracketed(numbers)}{rest}" for (stem, rest), numbers in groups.items()]


def _bracketed(numbers: Sequence[str]) -> str:
    if len(numbers) == 1:
        return numbers[0]
    runs: list[list[str]] = []
    for number in sorted(numbers, key=lambda each: (int(each), each)):
        if runs and _follows(runs[-1][-1], number):
            runs[-1].append(number)
        else:
            runs.append([number])
    return "[" + ",".join(run[0] if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs) + "]"


def _follows(before: str, number: str) -> bool:
    """Whether a range may go on so: 9-10 and 09-10, but not 09-010."""
    same_form = len(before) == len(number) or not (before.startswith("0") or number.startswith("0"))
    return same_form and int(number) == int(before) + 1

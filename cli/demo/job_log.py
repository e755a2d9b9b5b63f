"""The job's own log, as `bytes_lm.py` writes it."""

import re
from pathlib import Path

import msgspec

_STEP = re.compile(r"\bstep (\d+) loss (\S+)$")
_RESUMED = re.compile(r"\bresumed from (\S+) at step (\d+)$")


class JobLog(msgspec.Struct, frozen=True):
    steps: list[int] = []
    resumed_from: str | None = None
    resumed_at: int | None = None

    @property
    def last(self) -> int | None:
        return self.steps[-1] if self.steps else None


def parse(text: str) -> JobLog:
    """Whole lines only: the last one may still be being written."""
    steps, source, at = [], None, None
    for line in text.split("\n")[:-1]:
        if step := _STEP.search(line):
            steps.append(int(step[1]))
        elif resumed := _RESUMED.search(line):
            source, at = resumed[1], int(resumed[2])
    return JobLog(steps, source, at)


def read(path: Path) -> JobLog:
    """Empty while there is no log; a rotated part comes first."""
    files = [path.with_name(f"{path.name}.{number}") for number in range(3, 0, -1)]
    return parse("".join(each.read_text(errors="replace") for each in [*files, path] if each.exists()))


def consecutive(steps: list[int], first: int) -> bool:
    """Every step from ``first`` on, once, in order."""
    return bool(steps) and steps == list(range(first, first + len(steps)))
